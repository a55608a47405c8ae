"""The product's settings with counted queries. One person asks for everything here, so their limit is lifted."""

from bench.settings import *  # noqa: F401, F403
from djangocrud.settings import MIDDLEWARE as _MIDDLEWARE
from djangocrud.settings import RATE_LIMITS as _RATE_LIMITS

MIDDLEWARE = ["bench.variants.counting.CountQueries", *_MIDDLEWARE]
RATE_LIMITS = {**_RATE_LIMITS, "user": (10**9, 60)}
