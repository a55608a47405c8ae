"""The product's server, handler, middleware and connections, with the textbook's view beside ours.

Renderer and parser are the framework's own there. Keys are not made to wait for asking often.
"""

from bench.settings import *  # noqa: F401, F403
from djangocrud.settings import INSTALLED_APPS, MIDDLEWARE, RATE_LIMITS

ROOT_URLCONF = "bench.variants.textbook_partner.urls"
INSTALLED_APPS = [*INSTALLED_APPS, "bench.variants.textbook"]
MIDDLEWARE = ["bench.variants.counting.CountQueries", *MIDDLEWARE]
RATE_LIMITS = {**RATE_LIMITS, "api_key": (10**9, 60), "anonymous": (10**9, 60), "credential": (10**9, 60)}
