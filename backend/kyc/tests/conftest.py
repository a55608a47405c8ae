from backend.identity.tests.conftest import *  # noqa: F403
