"""The rule set that the product ships with: version 1, stored by a migration (S2-B29: the values are ours)."""

from typing import Any


def _money(amount: str) -> dict[str, str]:
    return {"*": amount}


def _over(*steps: tuple[Any, int]) -> list[dict[str, Any]]:
    return [{"over": over, "points": points} for over, points in steps]


VERSION_1: dict[str, Any] = {
    "transfer_amount": {"steps": _over((_money("5000.00"), 20), (_money("10000.00"), 80))},
    "daily_amount": {"steps": _over((_money("15000.00"), 25), (_money("25000.00"), 85))},
    "hour_count": {"steps": _over((10, 50), (20, 80))},
    "hour_amount": {"steps": _over((_money("8000.00"), 15), (_money("15000.00"), 50))},
    "day_count": {"steps": _over((40, 50), (80, 80))},
    "day_amount": {"steps": _over((_money("15000.00"), 20), (_money("30000.00"), 80))},
    "unusual_amount": {
        "history_min": 8,
        "least": _money("10.00"),
        "from_amount": _money("300.00"),
        "steps": _over(("3.50", 15), ("8.00", 25), ("20.00", 30)),
    },
    "new_payee": {"steps": _over((_money("0.00"), 5), (_money("1000.00"), 15))},
    "new_device": {"hours": 24, "points": 20},
    "new_address": {"hours": 24, "points": 10},
    "night": {"from_hour": 0, "to_hour": 5, "usual_percent": 5, "points": 10},
    "structuring": {"limit": _money("10000.00"), "within_percent": 10, "steps": _over((1, 40), (2, 80))},
    "dormant": {"days": 90, "over": _money("500.00"), "points": 30},
    "in_and_out": {"received": _money("1000.00"), "steps": _over((80, 25), (95, 30))},
}
