"""A trail whose rows carry digests and are linked into a chain.

The rows of before have neither. They are copied into the new table by 0003; their own table, `audit_auditlog`, stays
as it is, so that processes of the release before can go on writing there until they are replaced. Every table made
here is new: nothing is locked that anybody uses.
"""

import backend.audit.models
from django.db import migrations, models

# Refuses every change but a deletion that the service announces in its transaction, and that leaves a row saying so.
# ALWAYS: not even a session in replica mode gets past. Whoever owns the tables can drop a trigger; verify_audit says so
# and finds what was done then.
GUARD = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('ease.audit', true) = ANY (TG_ARGV) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit trail only grows: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
"""
GUARDED = {"audit_log": "'archive'", "audit_seal": "'archive'", "audit_detail": "'erase'", "audit_checkpoint": ""}


def guards() -> str:
    return "".join(guard(table, reason) for table, reason in GUARDED.items())


def guard(table: str, reason: str) -> str:
    return f"""
        CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION audit_refuse({reason});
        CREATE TRIGGER {table}_is_never_emptied BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_only_grows;
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_is_never_emptied;
        """


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("AuditLog")]),
        migrations.CreateModel(
            name="AuditLog",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("log_id", models.UUIDField(unique=True)),
                ("at", models.DateTimeField()),
                ("actor_id", models.BigIntegerField(null=True)),
                (
                    "subject_id",
                    models.BigIntegerField(help_text="Whom it is about, where that is a person.", null=True),
                ),
                ("action", models.CharField(max_length=64)),
                (
                    "action_type",
                    models.CharField(blank=True, help_text="S2's word for the action, if it has one.", max_length=20),
                ),
                ("target_type", models.CharField(blank=True, max_length=50)),
                ("target_id", models.CharField(blank=True, max_length=64)),
                ("ip_address", models.CharField(max_length=45, null=True)),
                ("user_agent", models.CharField(blank=True, max_length=300)),
                ("facts", backend.audit.models.CanonicalJson(default=dict)),
                (
                    "detail_hash",
                    backend.audit.models.Bytes(help_text="Commits to the personal values in AuditDetail.", null=True),
                ),
                (
                    "xid",
                    models.BigIntegerField(
                        help_text="The transaction that wrote the row; it decides the order of sealing."
                    ),
                ),
                ("key", models.SmallIntegerField(help_text="The version of AUDIT_KEY that made the digest.")),
                ("digest", backend.audit.models.Bytes()),
            ],
            options={
                "db_table": "audit_log",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["actor_id", "-id"], name="audit_log_by_actor"),
                    models.Index(fields=["subject_id", "-id"], name="audit_log_by_subject"),
                    models.Index(fields=["target_type", "target_id"], name="audit_log_by_target"),
                    models.Index(fields=["action", "-id"], name="audit_log_by_action"),
                    models.Index(fields=["action_type", "-id"], name="audit_log_by_type"),
                    models.Index(fields=["at"], name="audit_log_by_time"),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditDetail",
            fields=[
                ("row_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("subject_id", models.BigIntegerField(null=True)),
                ("salt", backend.audit.models.Bytes()),
                ("values", backend.audit.models.CanonicalJson(help_text="An object with `old` and `new`.")),
            ],
            options={
                "db_table": "audit_detail",
                "indexes": [models.Index(fields=["subject_id"], name="audit_detail_by_subject")],
            },
        ),
        migrations.CreateModel(
            name="AuditPending",
            fields=[
                ("row_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("xid", models.BigIntegerField()),
            ],
            options={"db_table": "audit_pending"},
        ),
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("row_id", models.BigIntegerField(unique=True)),
                ("leaf", backend.audit.models.Bytes()),
                ("link", backend.audit.models.Bytes()),
                (
                    "mac",
                    backend.audit.models.Bytes(
                        help_text="Made with the key, so that nobody else can make the chain again."
                    ),
                ),
                ("key", models.SmallIntegerField()),
            ],
            options={"db_table": "audit_seal"},
        ),
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=12)),
                ("seq", models.BigIntegerField()),
                ("line", backend.audit.models.CanonicalJson()),
            ],
            options={"db_table": "audit_checkpoint"},
        ),
        migrations.CreateModel(
            name="AuditPatrol",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField(default=0)),
                ("rounds", models.BigIntegerField(default=0)),
                ("at", models.DateTimeField(auto_now=True)),
            ],
            options={"db_table": "audit_patrol"},
        ),
        migrations.RunSQL(
            sql=GUARD + guards(),
            reverse_sql="DROP FUNCTION audit_refuse() CASCADE;",
        ),
    ]
