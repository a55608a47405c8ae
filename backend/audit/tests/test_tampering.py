"""Whatever is done to the trail with the database's own login is found and named, here and in an export (issue 04).

BUG-S2-33: audit rows could be changed and deleted, and nothing told.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction

from backend.audit import keys
from backend.audit.exporting import export_lines
from backend.audit.models import AuditLog
from backend.audit.offline.bundle import verifier
from backend.audit.offline.chain import GENESIS, leaf_of, link_of, row_bytes
from backend.audit.offline.verify import signed_lines_of, verify_export
from backend.audit.rows import COLUMNS, row_of
from backend.audit.services.sealing import sign_checkpoint
from backend.audit.tests.attacker import ask, attack
from backend.audit.tests.settling import run, seal
from backend.audit.verification import verify

SWAP = """
UPDATE audit_seal SET row_id = -row_id WHERE seq IN (5, 6);
UPDATE audit_seal s SET row_id = -o.row_id, leaf = o.leaf FROM audit_seal o WHERE s.seq + o.seq = 11 AND s.seq IN (5, 6)
"""
# What the attacker runs, and the place and kind of the first finding: with the key, and without any secret.
DEEDS = {
    "edits a row": (["UPDATE audit_log SET actor_id = 8 WHERE id = {5}"], (5, "altered"), (5, "altered")),
    "edits the time": (
        ["UPDATE audit_log SET at = at + interval '1 microsecond' WHERE id = {5}"],
        (5, "altered"),
        (5, "altered"),
    ),
    "edits facts' spaces": (
        ["UPDATE audit_log SET facts = replace(facts, ':', ': ') WHERE id = {5}"],
        (5, "altered"),
        (5, "altered"),
    ),
    "edits a row and its leaf": (
        ["UPDATE audit_log SET actor_id = 8 WHERE id = {5}", "{leaf of 5}"],
        (5, "altered"),
        (5, "altered"),
    ),
    "edits values": (
        ["""UPDATE audit_detail SET values = '{{"new":{{"name":"Nobody"}},"old":null}}' WHERE row_id = {5}"""],
        (5, "altered"),
        (5, "altered"),
    ),
    "deletes a row": (["DELETE FROM audit_log WHERE id = {5}"], (5, "missing"), (5, "missing")),
    "deletes values": (["DELETE FROM audit_detail WHERE row_id = {5}"], (5, "missing"), (5, "missing")),
    "deletes a row and its seal": (
        ["DELETE FROM audit_log WHERE id = {5}", "DELETE FROM audit_seal WHERE seq = 5"],
        (5, "missing"),
        (5, "missing"),
    ),
    "deletes the beginning": (
        ["DELETE FROM audit_log WHERE id <= {5}", "DELETE FROM audit_seal WHERE seq <= 5"],
        (1, "missing"),
        (1, "missing"),
    ),
    "swaps two rows": ([SWAP], (5, "reordered"), (5, "reordered")),
    "swaps the numbers of two rows": (
        [
            "UPDATE audit_log SET id = -id WHERE id IN ({5}, {6})",
            "UPDATE audit_log SET id = {5} + {6} + id WHERE id < 0",
            "UPDATE audit_detail SET row_id = -row_id WHERE row_id IN ({5}, {6})",
            "UPDATE audit_detail SET row_id = {5} + {6} + row_id WHERE row_id < 0",
        ],
        (5, "altered"),
        (5, "altered"),
    ),
    "cuts off the end": (
        ["DELETE FROM audit_log WHERE id > {9}", "DELETE FROM audit_seal WHERE seq > 9", "{values follow}"],
        (10, "truncated"),
        (10, "truncated"),
    ),
    "empties all": (
        ["TRUNCATE audit_log, audit_seal, audit_detail"],
        (1, "truncated"),
        (1, "truncated"),
    ),
    "deletes the beginning up to a checkpoint": (
        ["DELETE FROM audit_log WHERE id <= {4}", "DELETE FROM audit_seal WHERE seq <= 4", "{values follow}"],
        (1, "missing"),
        (1, "missing"),
    ),
    "makes the chain again without a row": (
        ["DELETE FROM audit_log WHERE id = {5}", "{fork}"],
        (5, "forked"),
        (8, "forked"),
    ),
    "makes the chain again with a changed row": (
        ["UPDATE audit_log SET actor_id = 8 WHERE id = {5}", "{fork}"],
        (5, "forked"),
        (8, "forked"),
    ),
}


def carry_out(deed: list[str], numbers: list[int]) -> None:
    """Run the attacker's statements. `fork` makes leaves and links anew, as anybody can who read our source."""
    for statement in deed:
        if statement == "{fork}":
            _fork()
        elif statement == "{leaf of 5}":
            (found,) = ask(f"SELECT {COLUMNS} FROM audit_log l WHERE id = %s", numbers[4])
            row = row_of(found)
            attack(f"UPDATE audit_seal SET leaf = '\\x{leaf_of(row_bytes(row), row)}' WHERE seq = 5")
        elif statement == "{values follow}":
            attack("DELETE FROM audit_detail WHERE row_id NOT IN (SELECT id FROM audit_log)")
        else:
            attack(statement.format(None, *numbers))


def _fork() -> None:
    attack("DELETE FROM audit_detail WHERE row_id NOT IN (SELECT id FROM audit_log)")
    old = {row_id: (mac, key) for row_id, mac, key in ask("SELECT row_id, encode(mac, 'hex'), key FROM audit_seal")}
    link, made = GENESIS, ["DELETE FROM audit_seal"]
    for seq, found in enumerate(ask(f"SELECT {COLUMNS} FROM audit_log l ORDER BY l.id"), 1):
        row = row_of(found)
        leaf = leaf_of(row_bytes(row), row)
        link = link_of(link, leaf)
        mac, key = old[row["id"]]
        made.append(f"INSERT INTO audit_seal VALUES ({seq}, {row['id']}, '\\x{leaf}', '\\x{link}', '\\x{mac}', {key})")
    attack(*made)


def first(findings):
    return (findings[0].seq, findings[0].kind) if findings else None


def exported(folder: Path, *, values: bool = True) -> str:
    path = folder / "audit.ndjson"
    path.write_bytes(b"".join(export_lines(values=values)))
    return str(path)


def test_what_nobody_touched_is_whole_here_and_there(trail, tmp_path):
    report = verify()

    assert (report.findings, report.rows, report.last, report.checkpoints, report.waiting) == ([], 12, 12, 3, 0)
    for known in ({"keys": keys.proving(), "public_keys": keys.public()}, {}):
        walk, findings = verify_export(exported(tmp_path), **known)
        assert (findings, walk.rows, walk.seq) == ([], 12, 12)


@pytest.mark.parametrize("name", DEEDS)
def test_each_deed_is_found_and_named(name, trail, tmp_path):
    deed, with_keys, without = DEEDS[name]

    carry_out(deed, trail)

    assert first(verify().findings) == with_keys
    path = exported(tmp_path)
    assert first(verify_export(path, keys=keys.proving(), public_keys=keys.public())[1]) == with_keys
    assert first(verify_export(path)[1]) == without


def test_an_inserted_row_is_found_sealed_or_not(trail, tmp_path):
    """Whoever lacks the key can write a row, and have our own sealer seal it; its digest is not ours."""
    copied = "at, actor_id, subject_id, action, action_type, target_type, target_id, ip_address, user_agent, facts, xid"
    attack(f"""INSERT INTO audit_log (log_id, {copied}, key, digest)
            SELECT gen_random_uuid(), {copied}, key, digest FROM audit_log WHERE id = {trail[4]}""")
    unsealed = verify().findings
    attack("INSERT INTO audit_pending SELECT max(id), 1 FROM audit_log")
    waiting = verify().findings
    run()
    sealed = verify().findings
    offline = verify_export(exported(tmp_path), keys=keys.proving())[1]

    assert [(finding.kind, finding.row) for finding in unsealed] == [("inserted", trail[-1] + 1)]
    assert [(finding.kind, finding.row) for finding in waiting] == [("altered", trail[-1] + 1)]
    assert [(finding.seq, finding.kind, finding.row) for finding in sealed] == [(13, "inserted", trail[-1] + 1)]
    assert first(offline) == (13, "inserted")


def test_a_copy_of_a_genuine_row_is_found(trail, tmp_path):
    """Its digest is right, since it says what we wrote: once."""
    attack(
        "ALTER TABLE audit_log DROP CONSTRAINT audit_log_log_id_key",
        f"CREATE TEMP TABLE copy AS SELECT * FROM audit_log WHERE id = {trail[4]}",
        "UPDATE copy SET id = nextval('audit_log_id_seq')",
        "INSERT INTO audit_log SELECT * FROM copy",
        "INSERT INTO audit_detail SELECT copy.id, d.subject_id, d.salt, d.values FROM copy, audit_detail d "
        f"WHERE d.row_id = {trail[4]}",
        "INSERT INTO audit_pending SELECT id, 1 FROM copy",
    )
    run()

    assert first(verify().findings) == (13, "inserted")
    assert first(verify_export(exported(tmp_path))[1]) == (13, "inserted")


def test_a_row_that_goes_or_changes_before_its_seal_is_found(trail, write):
    gone, changed = write(2)
    attack(f"DELETE FROM audit_log WHERE id = {gone}", f"UPDATE audit_log SET actor_id = 8 WHERE id = {changed}")

    assert [(finding.kind, finding.row) for finding in verify().findings] == [("altered", changed), ("missing", gone)]
    run()
    assert [(finding.kind, finding.row) for finding in verify().findings] == [("inserted", changed), ("missing", gone)]


def test_a_checkpoint_taken_back_is_found_by_its_copy(trail, checkpoints, tmp_path):
    """And the database set back with it, by what left the house: an export, or a copy of the lines."""
    shutil.copy(checkpoints, tmp_path / "kept.jsonl")
    witness = signed_lines_of(str(tmp_path / "kept.jsonl"))
    lines = checkpoints.read_text().splitlines(keepends=True)
    checkpoints.write_text("".join(lines[:2]))
    by_copy = verify().findings
    attack(
        "DELETE FROM audit_checkpoint WHERE number = 3",
        "DELETE FROM audit_seal WHERE seq > 8",
        f"DELETE FROM audit_log WHERE id > {trail[7]}",
        f"DELETE FROM audit_detail WHERE row_id > {trail[7]}",
    )

    assert first(by_copy) == (12, "rolled_back")
    assert verify().is_whole
    assert first(verify(witness=witness).findings) == (12, "rolled_back")
    assert first(verify_export(exported(tmp_path), witness=witness)[1]) == (12, "rolled_back")


def test_going_on_after_a_rollback_does_not_hide_it(trail, checkpoints, write):
    lines = checkpoints.read_text().splitlines(keepends=True)
    checkpoints.write_text("".join(lines[:2]))
    write()
    seal()
    sign_checkpoint()

    assert "rolled_back" in {finding.kind for finding in verify().findings}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda lines: [lines[0], lines[2]], "rolled_back"),
        (lambda lines: [lines[0].replace('"seq":4', '"seq":3'), *lines[1:]], "forged"),
        (lambda lines: [*lines[:2], lines[2].replace('"signature":"', '"signature":"00')[:-3] + '"}\n'], "forged"),
    ],
    ids=["one taken out", "one changed", "another signature"],
)
def test_changed_checkpoints_are_found(change, kind, trail, checkpoints, tmp_path):
    checkpoints.write_text("".join(change(checkpoints.read_text().splitlines(keepends=True))))

    assert kind in {finding.kind for finding in verify().findings}
    assert kind in {finding.kind for finding in verify_export(exported(tmp_path))[1]}


def test_no_checkpoints_at_all_are_found_missing(trail, checkpoints):
    checkpoints.unlink()

    assert {finding.kind for finding in verify().findings} == {"rolled_back"}


def test_guards_that_are_down_are_named(trail):
    attack("DROP TRIGGER audit_log_only_grows ON audit_log", hides=False)

    words = [finding.words for finding in verify().findings]
    assert "the trigger audit_log_only_grows is gone or switched off" in words
    assert len(words) == 8


REFUSED = [
    "UPDATE audit_log SET actor_id = 8",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log",
    "UPDATE audit_seal SET key = 2",
    "DELETE FROM audit_seal",
    "TRUNCATE audit_seal",
    "UPDATE audit_detail SET subject_id = 8",
    "DELETE FROM audit_detail",
    "TRUNCATE audit_detail",
    "UPDATE audit_checkpoint SET seq = 1",
    "DELETE FROM audit_checkpoint",
    "TRUNCATE audit_checkpoint",
]


def test_the_database_refuses_every_change(trail):
    """Also to who says that it is for erasing, or for archiving, where that is not what is deleted."""
    for statement in REFUSED:
        with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
            ask(f"{statement}; SELECT 1")
    for reason, statement in (("erase", "DELETE FROM audit_log"), ("archive", "DELETE FROM audit_detail")):
        with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
            ask(f"SELECT set_config('ease.audit', '{reason}', true); {statement}; SELECT 1")
    with pytest.raises(DatabaseError, match="only grows"):
        AuditLog.objects.all().delete()

    assert AuditLog.objects.count() == 12
    assert verify().is_whole


def test_the_offline_verifier_is_one_file_that_needs_nothing(trail, tmp_path):
    """As an auditor runs it: alone in a folder, with the library of Python only."""
    attack(f"UPDATE audit_log SET target_id = 'x' WHERE id = {trail[6]}")
    call_command("export_audit", str(tmp_path / "export.zip"), values=True)
    call_command("audit_keys", file=tmp_path / "keys.json")
    (tmp_path / "verify.py").write_text(verifier())
    public = [f"--public-key={number}:{key.hex()}" for number, key in keys.public().items()]
    command = [sys.executable, "-I", "-S", "verify.py", "export.zip", "--keys=keys.json", *public]

    said = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    words = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert said.returncode == words.returncode == 3, said.stderr
    report = json.loads(said.stdout)
    assert [(finding["seq"], finding["kind"], finding["row"]) for finding in report["findings"]] == [
        (7, "altered", trail[6])
    ]
    assert "BROKEN, first altered at 7" in words.stdout


def test_the_command_names_the_first_and_ends_with_its_code(trail, capsys):
    call_command("verify_audit")
    assert "12 rows, 1 to 12, 3 checkpoints, 0 waiting" in capsys.readouterr().out
    attack(f"UPDATE audit_log SET actor_id = 8 WHERE id IN ({trail[4]}, {trail[8]})")

    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", "--json")

    report = json.loads(capsys.readouterr().out)
    assert ended.value.code == 3
    assert [(finding["seq"], finding["kind"]) for finding in report["findings"]] == [(5, "altered"), (9, "altered")]
    with pytest.raises(SystemExit):
        call_command("verify_audit", "--since=8")
    assert "4 rows, 9 to 12" in capsys.readouterr().out
    call_command("verify_audit", "--since=2999-01-01")
    assert "0 rows" in capsys.readouterr().out
