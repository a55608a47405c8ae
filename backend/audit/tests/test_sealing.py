"""Rows become a chain: in order, none left out, by one sealer at a time (design.md section 8, issue 04)."""

import random
import threading
import time

import pytest
from django.db import connection, transaction

from backend.audit.models import AuditCheckpoint, AuditLog, AuditPending, AuditSeal
from backend.audit.offline.verify import signed_lines_of
from backend.audit.services import record, sealing
from backend.audit.services.sealing import sign_checkpoint
from backend.audit.tests.attacker import ask, attack
from backend.audit.tests.settling import newest_row, run, seal, settle
from backend.audit.verification import verify
from backend.common.unit_of_work import unit_of_work
from backend.tests.commits import end_connection, in_background, in_parallel, own_pid

pytestmark = pytest.mark.usefixtures("committed", "checkpoints")


def test_each_row_gets_the_next_place(write):
    numbers = write(5)

    assert (seal(limit=3), seal(limit=3), seal(limit=3)) == (3, 2, 0)
    assert list(AuditSeal.objects.order_by("seq").values_list("seq", "row_id")) == list(enumerate(numbers, 1))
    assert not AuditPending.objects.exists()
    assert verify().findings == []


def test_what_was_undone_is_never_sealed_and_leaves_no_gap(write):
    write()
    with pytest.raises(ValueError, match="no"), unit_of_work():
        record(actor_id=7, action="thing.done")
        raise ValueError("no")
    write()

    assert seal() == 2
    assert list(AuditSeal.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2]
    assert verify().is_whole


def test_nothing_is_sealed_past_a_transaction_that_still_runs(write):
    """Its rows belong before what began after it, so that waits."""
    started, may_end = threading.Event(), threading.Event()

    def slow() -> int:
        with transaction.atomic():  # A unit of work would write the row when it ends.
            record(actor_id=1, action="slow.done")
            started.set()
            assert may_end.wait(20)
        return newest_row()

    before = write(1)
    settle()
    with in_background(slow) as ended:
        assert started.wait(20)
        after = write(2)
        sealed_meanwhile = sealing.seal(), list(AuditSeal.objects.values_list("row_id", flat=True))
        may_end.set()
        late = ended()

    assert sealed_meanwhile == (1, before)
    assert seal() == 3
    assert list(AuditSeal.objects.order_by("seq").values_list("row_id", flat=True)) == [*before, late, *after]
    assert verify().is_whole


def test_late_commits_of_four_writers_are_sealed_in_order_while_they_write():
    """Four connections write, some transactions stay open long after later ones; a sealer runs all along."""
    writers, each = 4, 40
    done = threading.Event()

    def writer(seed: int) -> None:
        chance = random.Random(seed)
        for number in range(each):
            with transaction.atomic():  # As above.
                for _ in range(chance.randint(1, 3)):
                    record(actor_id=seed, action="thing.done", facts={"n": number})
                if chance.random() < 0.3:
                    time.sleep(chance.uniform(0, 0.02))

    def sealer() -> None:
        while not done.is_set():
            sealing.seal(limit=7)

    with in_background(sealer) as ended:
        assert in_parallel(*(lambda seed=seed: writer(seed) for seed in range(writers))) == [None] * writers
        done.set()
        assert ended() is None
    while seal():
        continue

    order = ask("SELECT s.seq, l.xid, l.id FROM audit_seal s JOIN audit_log l ON l.id = s.row_id ORDER BY s.seq")
    assert len(order) == AuditLog.objects.count() >= writers * each
    assert [seq for seq, _, _ in order] == list(range(1, len(order) + 1))
    assert [row[1:] for row in order] == sorted(row[1:] for row in order)
    assert verify().findings == []


def test_of_two_sealers_one_seals(write):
    numbers = write(300)

    settle()
    counts = in_parallel(*[lambda: [sealing.seal(limit=20) for _ in range(20)]] * 2)
    while seal():
        continue

    assert sum(map(sum, counts)) <= 300
    assert list(AuditSeal.objects.order_by("seq").values_list("seq", "row_id")) == list(enumerate(numbers, 1))
    assert verify().is_whole


def test_a_second_sealer_does_nothing_meanwhile(write):
    write(3)
    with transaction.atomic(), connection.cursor() as cursor:
        assert sealing.alone(cursor)
        assert in_parallel(sealing.seal, sign_checkpoint, sealing.run) == [0, None, 0]
    assert seal() == 3


def test_a_sealer_that_is_killed_in_a_batch_leaves_nothing_half_done(write):
    """Its transaction goes with its connection; the next one starts where it had."""
    write(10)
    seal(limit=4)
    ready, killed = threading.Event(), threading.Event()
    pids = []

    settle()

    def dying() -> int:
        with transaction.atomic():
            sealed = sealing.seal(limit=4)
            pids.append(own_pid())
            ready.set()
            assert killed.wait(20)
        return sealed

    with in_background(dying) as ended:
        assert ready.wait(20)
        end_connection(pids[0])
        killed.set()
        assert isinstance(ended(), Exception)

    assert AuditSeal.objects.count() == 4
    assert seal() == 6
    assert verify().findings == []


def test_after_a_restore_into_another_cluster_none_is_passed_over(write):
    """There, transactions are counted anew: those of the rows that came along lie in the future."""
    write(2)
    seal()
    ask("UPDATE audit_pending SET xid = xid + 1000000000 RETURNING 1")
    late = write(2)
    ask("UPDATE audit_pending SET xid = xid + 1000000000 RETURNING 1")
    write(2)

    assert seal() == 4
    assert list(AuditSeal.objects.order_by("seq").values_list("row_id", flat=True))[-2:] == late
    assert verify().is_whole


def test_a_run_seals_all_and_signs_when_it_is_time(write, settings, checkpoints):
    settings.AUDIT_CHECKPOINT_SECONDS = 3600
    write(5)
    assert run(batch=2) == 5
    first = checkpoints.read_text().splitlines()
    write(1)
    run()

    assert len(first) == 1
    assert checkpoints.read_text().splitlines() == first
    assert list(AuditCheckpoint.objects.values_list("number", "kind", "seq")) == [(1, "checkpoint", 5)]
    settings.AUDIT_CHECKPOINT_SECONDS = 0
    run()
    run()
    assert [checkpoint.seq for checkpoint in AuditCheckpoint.objects.order_by("number")] == [5, 6]


def test_rows_are_sealed_while_checkpoints_cannot_be_kept(write, settings, tmp_path):
    (tmp_path / "file").touch()
    settings.AUDIT_CHECKPOINTS = str(tmp_path / "file" / "checkpoints.jsonl")
    write(3)

    assert run() == 3
    assert not AuditCheckpoint.objects.exists()
    settings.AUDIT_CHECKPOINTS = str(tmp_path / "checkpoints.jsonl")
    run()
    assert AuditCheckpoint.objects.get().seq == 3
    assert verify().is_whole


def test_a_torn_line_is_no_line_and_the_next_one_is_whole(write, checkpoints):
    """As a crash in the middle of writing leaves it."""
    write()
    run()
    with checkpoints.open("a") as file:
        file.write('{"kind":"checkpoint","number":2,"se')
    write()
    seal()
    sign_checkpoint()

    assert verify().findings == []
    assert AuditCheckpoint.objects.count() == 2


def test_a_checkpoint_whose_copy_was_lost_in_a_crash_is_gone_on_from(write):
    write()
    run()
    with pytest.raises(ValueError, match="crash"), transaction.atomic():
        write_one = AuditSeal.objects.get()
        sealing.append_line({"kind": "checkpoint", "seq": write_one.seq, "link": write_one.link.hex()})
        raise ValueError("crash")
    write()
    seal()
    sign_checkpoint()

    assert [checkpoint.number for checkpoint in AuditCheckpoint.objects.order_by("number")] == [1, 2, 3]
    assert verify().findings == []


def test_checkpoints_can_be_objects_of_the_storage(write, settings, tmp_path):
    settings.AUDIT_CHECKPOINTS = "storage:trail"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }
    for _ in range(3):
        write()
        seal()
        sign_checkpoint()

    names = sorted(path.name for path in (tmp_path / "trail" / "checkpoints").rglob("*.json"))
    assert names == ["000000000001.json", "000000000002.json", "000000000003.json"]
    assert (verify().checkpoints, verify().findings) == (3, [])
    next((tmp_path / "trail").rglob("000000000003.json")).unlink()
    assert [(finding.kind, finding.seq) for finding in verify().findings] == [("rolled_back", 3)]


def test_a_cut_chain_is_never_signed_over(trail):
    attack(
        "DELETE FROM audit_seal WHERE seq > 6", "DELETE FROM audit_log WHERE id NOT IN (SELECT row_id FROM audit_seal)"
    )

    assert sign_checkpoint() is None
    assert AuditCheckpoint.objects.count() == 3


def test_after_a_restore_the_database_goes_on_with_the_lines_that_it_knows(trail, write, checkpoints, settings):
    """As operations.md says; what the backup did not have is still missed by the old lines."""
    attack(
        "DELETE FROM audit_checkpoint WHERE number > 2",
        "DELETE FROM audit_seal WHERE seq > 8",
        f"DELETE FROM audit_log WHERE id > {trail[7]}",
        f"DELETE FROM audit_detail WHERE row_id > {trail[7]}",
    )
    kept = checkpoints.with_name("kept.jsonl")
    checkpoints.rename(kept)
    checkpoints.write_text("".join(kept.read_text().splitlines(keepends=True)[:2]))
    write(2)
    seal()
    sign_checkpoint()

    assert verify().findings == []
    missed = verify(witness=signed_lines_of(str(kept))).findings
    assert [(finding.kind, finding.seq) for finding in missed] == [("forked", 12)]


def test_a_place_without_room_holds_no_seal_up_and_is_written_when_there_is_room(
    checkpoints, write, settings, tmp_path
):
    write(3)
    (tmp_path / "full").touch()
    settings.AUDIT_CHECKPOINTS = str(tmp_path / "full" / "checkpoints.jsonl")
    sealed, without = run(), sign_checkpoint()
    settings.AUDIT_CHECKPOINTS = str(checkpoints)
    line = sign_checkpoint()

    assert (sealed, without, line["seq"]) == (3, None, 3)
