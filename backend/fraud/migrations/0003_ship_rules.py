"""Version 1 of the rules, which the product ships with (backend/fraud/shipped.py; S2-B29)."""

from typing import Any

from django.db import migrations
from django.db.models.functions import Now

VERSION_1 = {
    "transfer_amount": {"steps": [{"over": {"*": "5000.00"}, "points": 20}, {"over": {"*": "10000.00"}, "points": 80}]},
    "daily_amount": {"steps": [{"over": {"*": "15000.00"}, "points": 25}, {"over": {"*": "25000.00"}, "points": 85}]},
    "hour_count": {"steps": [{"over": 10, "points": 50}, {"over": 20, "points": 80}]},
    "hour_amount": {"steps": [{"over": {"*": "8000.00"}, "points": 15}, {"over": {"*": "15000.00"}, "points": 50}]},
    "day_count": {"steps": [{"over": 40, "points": 50}, {"over": 80, "points": 80}]},
    "day_amount": {"steps": [{"over": {"*": "15000.00"}, "points": 20}, {"over": {"*": "30000.00"}, "points": 80}]},
    "unusual_amount": {
        "history_min": 8,
        "least": {"*": "10.00"},
        "from_amount": {"*": "300.00"},
        "steps": [{"over": "3.50", "points": 15}, {"over": "8.00", "points": 25}, {"over": "20.00", "points": 30}],
    },
    "new_payee": {"steps": [{"over": {"*": "0.00"}, "points": 5}, {"over": {"*": "1000.00"}, "points": 15}]},
    "new_device": {"hours": 24, "points": 20},
    "new_address": {"hours": 24, "points": 10},
    "night": {"from_hour": 0, "to_hour": 5, "usual_percent": 5, "points": 10},
    "structuring": {
        "limit": {"*": "10000.00"},
        "within_percent": 10,
        "steps": [{"over": 1, "points": 40}, {"over": 2, "points": 80}],
    },
    "dormant": {"days": 90, "over": {"*": "500.00"}, "points": 30},
    "in_and_out": {"received": {"*": "1000.00"}, "steps": [{"over": 80, "points": 25}, {"over": 95, "points": 30}]},
}


def ship(apps: Any, schema_editor: Any) -> None:
    apps.get_model("fraud", "RuleSet").objects.create(
        version=1, state="PUBLISHED", rules=VERSION_1, note="Ships with the product.", published_at=Now()
    )


class Migration(migrations.Migration):
    dependencies = [("fraud", "0002_what_judged_never_changes")]

    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
