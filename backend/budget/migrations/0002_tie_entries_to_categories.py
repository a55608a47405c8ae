"""Foreign keys of two columns: what an entry or a budget names is of its kind, and a subcategory under its category.

They are checked at the end of each statement, not at commit, so that a service hears at once what is wrong.
"""

from django.db import migrations

TIES = {
    "budget_subcategory_of_category": (
        "budget_subcategory",
        "(category_id)",
        "budget_category (id)",
    ),
    "budget_entry_category_of_kind": (
        "budget_entry",
        "(category_id, kind)",
        "budget_category (id, type)",
    ),
    "budget_entry_subcategory_of_category": (
        "budget_entry",
        "(subcategory_id, category_id)",
        "budget_subcategory (id, category_id)",
    ),
    "budget_budget_category_of_kind": (
        "budget_budget",
        "(category_id, kind)",
        "budget_category (id, type)",
    ),
}


class Migration(migrations.Migration):
    dependencies = [("budget", "0001_initial")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
            f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )
        for name, (table, columns, target) in TIES.items()
    ]
