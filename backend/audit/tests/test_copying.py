"""Rows of before the trail was sealed become rows of it (migration 0003)."""

from importlib import import_module
from types import SimpleNamespace

from django.db import connection

from backend.audit.models import AuditLog
from backend.audit.tests.attacker import ask
from backend.audit.tests.settling import run
from backend.audit.verification import verify

migration = import_module("backend.audit.migrations.0003_copy_the_rows_of_before")


def test_they_are_copied_with_digests_once_and_sealed(committed, checkpoints, write, monkeypatch):
    monkeypatch.setattr(migration, "STEP", 2)
    ask("""INSERT INTO audit_auditlog (at, actor_id, action, target_type, target_id, ip_address, user_agent, facts)
           SELECT now() - interval '1 day', 7, 'role.assigned', 'identity.user', '8', '2001:DB8::1', 'ease/1',
                  jsonb_build_object('role', 'Prüfer', 'share', 0.50) FROM generate_series(1, 5) RETURNING 1""")

    for _ in range(2):
        migration.copy(None, SimpleNamespace(connection=connection))
    write()
    assert run() == 6

    rows = list(AuditLog.objects.order_by("id"))
    assert [row.pk for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[0].facts == {"role": "Prüfer", "share": 0.5}
    assert (rows[0].ip_address, rows[0].action_type, rows[0].subject_id) == ("2001:db8::1", "ROLE_ASSIGN", 8)
    assert verify().findings == []
    assert ask("SELECT count(*) FROM audit_auditlog") == [(5,)]
