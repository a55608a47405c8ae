"""Whom the tests of banking are about."""

import pytest

from backend.banking.services.loads import books
from backend.banking.tests.manager_factories import make_bank
from backend.tests.commits import committed  # noqa: F401 - a fixture


@pytest.fixture
def mona(make_user):
    """The first manager of a bank."""
    manager = make_user(first_name="Mona", email="mona@example.com")
    make_bank(manager)
    return manager


@pytest.fixture
def otto(make_user):
    """The first manager of another bank."""
    manager = make_user(first_name="Otto", email="otto@example.com")
    make_bank(manager, bank_name="Second")
    return manager


@pytest.fixture
def as_mona(mona, client_of):
    return client_of(mona)


@pytest.fixture
def small_batches(monkeypatch):
    """A bank's book is loaded five rows at once."""
    monkeypatch.setattr(books.BookKind, "at_once", 5)
