"""What tests change: a fast password hash and quiet logs. PostgreSQL and Valkey are the real ones."""

import os
from pathlib import Path

# Tests never meet the data of `make run`.
os.environ.setdefault("EASE_VAR", str(Path(__file__).resolve().parent.parent / "var" / "test"))

from djangocrud.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Each parallel worker has its own database (pytest-django) and its own corner of the one Valkey.
LAYER_PREFIX = f"ease-test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
CACHES["default"]["KEY_PREFIX"] = LAYER_PREFIX  # noqa: F405
CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = LAYER_PREFIX  # noqa: F405
