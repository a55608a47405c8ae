"""The trail is verified by the clock, and whoever must know hears of it (E-DATA-4)."""

import pytest

from backend.audit.models import AuditPatrol, SecurityEvent
from backend.audit.services.patrolling import run
from backend.audit.tasks import patrol, seal
from backend.audit.tests.attacker import ask, attack
from backend.audit.tests.settling import settle
from backend.common import jobs
from backend.tests.commits import in_parallel

DESK = """
SELECT e.kind FROM realtime_event e JOIN realtime_topic t ON t.id = e.topic_id WHERE t.key = 'desk.auditor'
"""
ANOTHER_TRIGGER = """
DROP TRIGGER audit_log_only_grows ON audit_log;
CREATE TRIGGER audit_log_only_grows BEFORE UPDATE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()
"""


def told() -> list[str]:
    """What the auditors' desk has heard of."""
    return [kind for (kind,) in ask(DESK)]


def test_it_goes_round_and_round_and_says_nothing(trail):
    places = []
    for _ in range(4):
        assert run(stretch=5) == []
        places.append(AuditPatrol.objects.get().seq)

    assert places == [5, 10, 0, 5]
    assert AuditPatrol.objects.get().rounds == 1
    assert not SecurityEvent.objects.exists()


def test_an_altered_row_is_told_once_to_the_desk(trail):
    attack(f"UPDATE audit_log SET actor_id = 8 WHERE id = {trail[6]}")
    for _ in range(6):
        run(stretch=5)

    event = SecurityEvent.objects.get()
    assert (event.event_type, event.severity) == ("DATA_CORRUPTION", "CRITICAL")
    assert event.metadata["finding"] == "altered"
    assert (event.metadata["seq"], event.metadata["row"]) == (7, trail[6])
    assert told() == ["audit.broken"]


def test_what_was_dealt_with_is_not_told_again_what_is_new_is(trail):
    attack(f"UPDATE audit_log SET actor_id = 8 WHERE id = {trail[6]}")
    run()
    ask("UPDATE audit_securityevent SET resolved = true, resolved_at = now() RETURNING 1")
    run()
    attack(f"UPDATE audit_log SET actor_id = 8 WHERE id = {trail[2]}")
    run()

    assert sorted(event.metadata["seq"] for event in SecurityEvent.objects.all()) == [3, 7]


@pytest.mark.parametrize(
    ("deed", "kind"),
    [
        ("DELETE FROM audit_log WHERE id = {0[8]}", "missing"),
        ("DELETE FROM audit_seal WHERE seq <= 3", "missing"),
        ("DELETE FROM audit_seal WHERE seq > 10; DELETE FROM audit_log WHERE id > {0[9]}", "truncated"),
        ("UPDATE audit_seal SET link = leaf WHERE seq = 8", "forked"),
        (ANOTHER_TRIGGER, "unguarded"),
        ("UPDATE audit_log SET id = id + 1000 WHERE id = {0[11]}", "inserted"),
    ],
)
def test_each_deed_is_met_within_a_round(deed, kind, trail):
    attack(deed.format(trail))
    found = {finding.kind for _ in range(4) for finding in run(stretch=5)}

    assert kind in found
    assert SecurityEvent.objects.filter(metadata__finding=kind, severity="CRITICAL").count() == 1


def test_checkpoints_that_were_set_back_are_met_at_once(trail, checkpoints):
    checkpoints.write_text("".join(checkpoints.read_text().splitlines(keepends=True)[:1]))

    assert [finding.kind for finding in run(stretch=1)] == ["rolled_back"]


def test_two_at_once_tell_once(trail):
    attack(f"DELETE FROM audit_log WHERE id = {trail[1]}")

    in_parallel(run, run)
    run()

    assert SecurityEvent.objects.count() == 1
    assert told() == ["audit.broken"]


def test_both_run_by_the_clock(trail, write):
    """By Celery's beat, or by this process's own clock (backend/common/jobs.py)."""
    write()
    settle()

    seal.apply()
    patrol.apply()

    assert {"backend.audit.tasks.seal", "backend.audit.tasks.patrol"} <= {entry.name for entry in jobs.periodic()}
    assert ask("SELECT max(seq) FROM audit_seal") == [(13,)]
    assert AuditPatrol.objects.get().rounds == 1
