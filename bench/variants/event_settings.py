from bench.settings import *  # noqa: F403

ROOT_URLCONF = "bench.variants.event_urls"
