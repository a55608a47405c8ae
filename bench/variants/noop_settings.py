from bench.settings import *  # noqa: F401, F403

ROOT_URLCONF = "bench.variants.noop_urls"
