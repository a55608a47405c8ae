from backend.support.tests.outages import outage
from backend.tests.commits import committed

__all__ = ["committed", "outage"]
