"""The API's documents: at every address, for whom the setting says, with examples that work (K-41 to K-43, S4-R14)."""

import json
import re
from collections import Counter

import pytest
import yaml
from django.conf import settings
from django.contrib.staticfiles import finders
from rest_framework.test import APIClient

from backend.common import examples
from backend.tests.access import address_of
from backend.tests.stage import METHODS, Stage, document, make_caller

# Every example in turn: what runs there has tests of its own, and measuring it again takes half the time.
pytestmark = pytest.mark.no_cover

FORMS = {
    "/api/schema/": "application/vnd.oai.openapi",
    "/swagger.yaml": "application/vnd.oai.openapi",
    "/swagger.json": "application/vnd.oai.openapi+json",
}
SWAGGER, REDOC = ["/api/docs/", "/api/docs/swagger/", "/swagger/"], ["/api/redoc/", "/redoc/"]
ADDRESSES = [*FORMS, *SWAGGER, *REDOC]


def operations():
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


OPERATIONS = dict(operations())


@pytest.mark.parametrize(("address", "kind"), FORMS.items())
def test_the_document_is_at_every_address_in_its_form(address, kind):
    answer = APIClient().get(address)

    read = json.loads if address.endswith("json") else yaml.safe_load
    assert (answer.status_code, answer["Content-Type"]) == (200, kind)
    assert read(answer.content)["info"]["title"] == "Ease"


def test_all_forms_are_one_document():
    client = APIClient()

    texts = [client.get(address).content for address in ("/swagger.json", "/api/schema/?format=json")]
    assert texts[0] == texts[1]
    assert json.loads(texts[0]) == yaml.safe_load(client.get("/swagger.yaml").content)


def test_who_has_the_document_is_not_sent_it_again():
    client = APIClient()
    etag = client.get("/swagger.json")["ETag"]

    again = client.get("/swagger.json", HTTP_IF_NONE_MATCH=etag)

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("address", [*SWAGGER, *REDOC])
def test_the_pages_ask_nobody_but_us(address):
    """They work offline: every script, style and picture is one of ours, and is there."""
    page = APIClient().get(address)

    sources = [found for found in re.findall(r'(?:src|href)="([^"]+)"', page.text) if found != "data:,"]
    assert page.status_code == 200
    assert "/api/schema/" in page.text
    assert not re.search(r"""["'(](https?:)?//""", page.text.replace("http://testserver", ""))
    assert [found for found in sources if finders.find(found.removeprefix(settings.STATIC_URL))] == sources
    assert len(sources) >= 1
    assert "default-src 'self'" in page["Content-Security-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "statuses"),
    [
        ("Any", {"anonymous": 200, "stale": 200, "customer": 200, "staff": 200}),
        ("Authenticated", {"anonymous": 401, "stale": 401, "customer": 200, "staff": 200}),
        ("Admin", {"anonymous": 401, "stale": 401, "customer": 403, "staff": 200}),
    ],
)
def test_a_setting_says_who_may_read_them(settings, make_user, client_of, who, statuses):
    settings.SWAGGER_PERMISSIONS = who
    stale = APIClient()
    stale.cookies["accessToken"] = "stale"
    clients = {
        "anonymous": APIClient(),
        "stale": stale,
        "customer": client_of(make_user()),
        "staff": client_of(make_user(is_staff=True)),
    }

    for address in ADDRESSES:
        assert {name: client.get(address).status_code for name, client in clients.items()} == statuses


def test_every_group_is_described_and_in_order():
    described = [tag["name"] for tag in document()["tags"]]
    used = {tag for operation in OPERATIONS.values() for tag in operation["tags"]}

    assert set(described) == used
    assert described == [name for name in settings.API_TAGS if name in used]


def test_every_operation_has_a_name_of_its_own():
    names = Counter(operation["operationId"] for operation in OPERATIONS.values())

    assert [name for name, count in names.items() if count > 1] == []


def test_where_a_credential_is_asked_for_401_is_documented():
    silent = [route for route, one in OPERATIONS.items() if {} not in one["security"] and "401" not in one["responses"]]

    assert silent == []


def test_every_body_has_an_example_and_every_example_a_body():
    with_body = {
        route: operation
        for route, operation in OPERATIONS.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }
    shown = {
        route for route, one in with_body.items() if one["requestBody"]["content"]["application/json"].get("examples")
    }

    assert set(with_body) - shown == set()
    assert shown == set(examples.registered())


@pytest.mark.django_db
@pytest.mark.parametrize("route", examples.registered())
def test_every_example_gets_the_status_that_it_says(route, make_user):
    example, (method, path) = examples.registered()[route], route.split(" ")
    stage = Stage(make_user)
    caller = make_caller(make_user, example.role)
    somebody = caller.user if example.role == "customer" else make_user()
    somebody.email = somebody.username = "ana@example.com"
    somebody.save()
    address = address_of(path, example.case, stage=stage, caller=caller)

    answer = caller.client.generic(method, address, json.dumps(example.value), "application/json")

    assert (answer.status_code, str(example.status) in OPERATIONS[route]["responses"]) == (example.status, True)
