from bench.settings import *  # noqa: F401, F403

ROOT_URLCONF = "bench.variants.event_urls"
