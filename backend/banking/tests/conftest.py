"""What banking's tests share."""

from backend.tests.commits import committed  # noqa: F401 - a fixture
