from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("identity", "0004_keep_history_of_deleted_accounts")]

    operations = [
        AddIndexConcurrently(model_name="loginlog", index=BrinIndex(fields=["at"], name="identity_login_log_old")),
    ]
