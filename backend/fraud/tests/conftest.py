"""The people at the desk, and what banking hears of their decisions."""

import pytest

from backend.common import hooks
from backend.identity.tests.conftest import *  # noqa: F401, F403


@pytest.fixture
def admin(make_user):
    return make_user("BANK_ADMIN", first_name="Ada")


@pytest.fixture
def desk(admin, client_of):
    return client_of(admin)


@pytest.fixture
def colleague(make_user, client_of):
    return client_of(make_user("BANK_ADMIN", first_name="Ben"))


@pytest.fixture
def told(monkeypatch):
    """What banking hears of decisions; `told.fault` is what it answers with."""

    class Told(list):
        fault = None

        def hear(self, decision):
            self.append(decision)
            if self.fault is not None:
                raise self.fault

    heard_of = Told()
    monkeypatch.setattr(hooks.fraud_decided, "_listeners", [heard_of.hear])
    return heard_of
