"""What `make run` has in its catalogue, and that a second start leaves it alone."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.catalog import selectors
from backend.catalog.models import Item
from backend.catalog.tests.factories import rows
from backend.identity.models import User
from backend.identity.principals import principal_of


@pytest.mark.django_db
def test_the_demo_customer_has_tests_and_the_house_has_articles(tmp_path):
    file = tmp_path / "demo.json"
    call_command("load_demo", base_url="http://127.0.0.1:8000", file=file, verbosity=0)
    Item.objects.filter(kind="help_article").last().delete()
    before = rows()

    with CaptureQueriesContext(connection) as second:
        call_command("load_demo", base_url="http://127.0.0.1:8000", file=file, verbosity=0)

    customer = principal_of(User.objects.get(email="customer@demo.ease.example"))
    found = selectors.recommend_tests(actor=customer, tag_names=["fatigue", "dizziness"], limit=2)
    assert len(selectors.list_tests(actor=customer, limit=10)) == 3
    assert [row["score"] for row in found.rows] == [1.0, 1.0]
    assert selectors.find_help_articles(query="why is my transfer held back?")[0].slug == "why-a-transfer-is-on-hold"
    assert rows() | {"AuditLog": 0} == before | {"AuditLog": 0}, "what somebody deleted stays deleted"
    assert len([query for query in second if "catalog_" in query["sql"]]) == 2
