"""What the Channels tutorial ends with, at its best: Redis channel layer, and a database connection that persists."""

from bench.settings import *  # noqa: F401, F403
from djangocrud.settings import DATABASES, INSTALLED_APPS, LAYER_PREFIX, REDIS_URLS

INSTALLED_APPS = [*INSTALLED_APPS, "bench.variants.textbook"]
DATABASES["default"].update(ENGINE="django.db.backends.postgresql", CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=False)
# Without `socket_timeout` redis-py 8 cuts the layer's own blocking read (stack.md): it could not be measured.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URLS[0], "socket_timeout": None}], "prefix": LAYER_PREFIX},
    }
}
