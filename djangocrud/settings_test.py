"""What tests change: a fast password hash and quiet logs. PostgreSQL and Valkey are the real ones."""

import os
from pathlib import Path

# Tests never meet the data of `make run`.
os.environ.setdefault("EASE_VAR", str(Path(__file__).resolve().parent.parent / "var" / "test"))

from djangocrud.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Each parallel worker of each run has databases (backend/conftest.py) and a corner of the one Valkey of its own.
_RUN, _WORKER = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")[:8], os.environ.get("PYTEST_XDIST_WORKER", "main")
LAYER_PREFIX = f"ease-test-{_RUN}-{_WORKER}"
CACHES["default"]["KEY_PREFIX"] = LAYER_PREFIX  # noqa: F405
CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = LAYER_PREFIX  # noqa: F405
CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] = f"{LAYER_PREFIX}:jobs:"  # noqa: F405

# Tests of limits come from addresses of their own.
RATE_LIMIT_EXEMPT = ["127.0.0.0/8"]
# Off, so that each test sees what the shared cache and the database say; its own tests switch it on.
PRINCIPAL_NEAR_SECONDS = 0.0
# Jobs run in the test that caused them, when its transaction commits.
JOBS_AT_ONCE = True
# A test client loads the middleware anew, and WhiteNoise would look at every static file each time: half of the time
# of a usual test. This has it look when it is asked for one.
WHITENOISE_AUTOREFRESH = True
