from bench.settings import *

ROOT_URLCONF = "bench.variants.noop_urls"
