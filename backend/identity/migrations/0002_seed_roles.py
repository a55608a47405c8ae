"""The four roles and what each may do by default (S2-B31); staff may edit the permissions afterwards."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

ROLES = {
    "CUSTOMER": (
        "Uses the bank on a phone",
        ["view_own_profile", "update_own_profile", "upload_kyc", "view_own_kyc_status"],
    ),
    "SUPPORT_AGENT": ("Answers customers", ["answer_chats"]),
    "BANK_ADMIN": (
        "Decides KYC, loans and fraud alerts",
        ["view_all_users", "review_kyc", "view_audit_logs", "manage_users", "view_security_events"],
    ),
    "AUDITOR": ("Reads the trail", ["view_audit_logs", "view_security_events", "view_system_reports"]),
}


def seed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    role = apps.get_model("identity", "Role")
    for name, (description, permissions) in ROLES.items():
        role.objects.get_or_create(name=name, defaults={"description": description, "permissions": permissions})


class Migration(migrations.Migration):
    dependencies = [("identity", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
