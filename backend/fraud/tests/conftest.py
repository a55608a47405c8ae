from backend.identity.tests.conftest import *  # noqa: F401, F403
