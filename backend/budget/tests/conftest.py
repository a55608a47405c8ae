from backend.identity.tests.conftest import memory  # noqa: F401 - a fixture: ids of people come again here, too
from backend.tests.commits import committed  # noqa: F401 - a fixture
