"""The product's settings, but nobody is made to wait for sending fast: what is measured is the way of a message."""

from djangocrud.settings import *  # noqa: F401, F403
from djangocrud.settings import RATE_LIMITS as _RATE_LIMITS
from djangocrud.settings import REALTIME as _REALTIME

REALTIME = {**_REALTIME, "burst": 10**9, "rate_per_second": 10**9}
RATE_LIMITS = {**_RATE_LIMITS, "user": (10**9, 60), "socket": (10**9, 60), "assistant": (10**9, 60)}
