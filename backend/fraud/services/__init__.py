"""What other slices call. Reviewing, rules and jobs are in the modules beside it, one for each use."""

from backend.fraud.facts import HISTORY_DAYS, HISTORY_MAX, RECENT_MAX, Facts, History
from backend.fraud.selectors import Whereabouts, whereabouts
from backend.fraud.services.assessing import Assessed, assess
from backend.fraud.services.reviews import expire_alert

__all__ = [
    "HISTORY_DAYS",
    "HISTORY_MAX",
    "RECENT_MAX",
    "Assessed",
    "Facts",
    "History",
    "Whereabouts",
    "assess",
    "expire_alert",
    "whereabouts",
]
