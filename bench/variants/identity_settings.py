"""The product's settings with views to measure, and the number of queries in an answer's header when asked for it."""

from bench.settings import *  # noqa: F401, F403
from djangocrud.settings import MIDDLEWARE as _MIDDLEWARE
from djangocrud.settings import RATE_LIMITS as _RATE_LIMITS

ROOT_URLCONF = "bench.variants.identity_urls"
MIDDLEWARE = ["bench.variants.counting.CountQueries", *_MIDDLEWARE]
# One address asks for everybody here. People keep their real limit.
RATE_LIMITS = {**_RATE_LIMITS, "anonymous": (10**9, 60)}
