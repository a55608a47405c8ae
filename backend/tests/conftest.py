from backend.support.tests.outages import outage

__all__ = ["outage"]
