"""Categories to start with, so that a new person can enter something at once. Staff may change them afterwards."""

import uuid

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

NAMESPACE = uuid.UUID("6f1f4d7e-3f0e-4a5e-9a53-0d6c2b8e7a10")
EXPENSES = {
    "Food": ("#E4572E", ["Groceries", "Restaurants", "Coffee and snacks"]),
    "Housing": ("#17BEBB", ["Rent", "Utilities", "Repairs", "Furniture"]),
    "Transport": ("#2E86AB", ["Public transport", "Fuel", "Car", "Taxi"]),
    "Health": ("#76B041", ["Doctor", "Medicine", "Sport"]),
    "Shopping": ("#F18F01", ["Clothes", "Electronics", "Household"]),
    "Leisure": ("#A23B72", ["Cinema and concerts", "Hobbies", "Subscriptions"]),
    "Education": ("#5C6BC0", ["Courses", "Books"]),
    "Travel": ("#00897B", ["Tickets", "Hotels"]),
    "Family": ("#D81B60", ["Children", "Pets", "Gifts and donations"]),
    "Insurance and taxes": ("#6D4C41", ["Insurance", "Taxes"]),
    "Bank": ("#455A64", ["Transfers", "Loan payments", "Fees"]),
    "Other expenses": ("#9E9E9E", []),
}
INCOMES = {
    "Salary": "#2E7D32",
    "Business": "#558B2F",
    "Interest and dividends": "#00838F",
    "Gifts received": "#AD1457",
    "Refunds": "#EF6C00",
    "Transfers received": "#37474F",
    "Other income": "#757575",
}


def key(*names: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, "/".join(names))


def seed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    categories = apps.get_model("budget", "Category")
    subcategories = apps.get_model("budget", "SubCategory")
    kinds = [("expense", name, color) for name, (color, _) in EXPENSES.items()]
    kinds += [("income", name, color) for name, color in INCOMES.items()]
    categories.objects.bulk_create(
        [
            categories(id=key(kind, name), name=name, description=f"{name}.", type=kind, hex_color=color)
            for kind, name, color in kinds
        ]
    )
    subcategories.objects.bulk_create(
        [
            subcategories(
                id=key("expense", name, sub),
                name=sub,
                description=f"{name}: {sub.lower()}.",
                hex_color=color,
                category_id=key("expense", name),
            )
            for name, (color, subs) in EXPENSES.items()
            for sub in [*subs, "Other"]
        ]
    )


class Migration(migrations.Migration):
    dependencies = [("budget", "0002_tie_entries_to_categories")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
