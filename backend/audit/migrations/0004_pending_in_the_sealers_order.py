"""The sealer takes what waits in this order, batch by batch. Built beside the writers: recording goes on meanwhile."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("audit", "0003_copy_the_rows_of_before")]

    operations = [
        AddIndexConcurrently("auditpending", models.Index(fields=["xid", "row_id"], name="audit_pending_in_order")),
    ]
