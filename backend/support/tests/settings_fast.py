"""For server processes that tests start: a pace that lets a thousand messages through in seconds."""

from djangocrud.settings_test import *  # noqa: F403

REALTIME = {**REALTIME, "rate_per_second": 500}  # noqa: F405
