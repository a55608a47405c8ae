"""Every route with every role, on the caller's own object and on another's, held against the table in access.py."""

import pytest

from backend.tests.access import ACCESS, address_of, body_of
from backend.tests.roles import ROLES
from backend.tests.stage import METHODS, Stage, document, make_caller, sent

# Every route with every role in turn: what runs there has tests of its own, and measuring it again takes half the time.
pytestmark = pytest.mark.no_cover


def routes_of_the_schema() -> set[str]:
    paths = document()["paths"]
    return {f"{method.upper()} {path}" for path, found in paths.items() for method in found.keys() & METHODS}


def test_the_table_has_every_route_of_the_schema_and_no_other():
    """A new route comes with its line in the table, or not at all."""
    routes = routes_of_the_schema()

    assert routes - set(ACCESS) == set()
    assert set(ACCESS) - routes == set()


@pytest.mark.parametrize("route", ACCESS)
def test_the_table_says_it_for_every_role(route):
    cases = ACCESS[route]

    assert {tuple(row) for row in map(sorted, cases.values())} == {tuple(sorted(ROLES))}
    assert ("{" in route and "event_id" not in route) == ("own" in cases and "another" in cases)


@pytest.mark.django_db
@pytest.mark.parametrize(("route", "case"), [(route, case) for route in ACCESS for case in ACCESS[route]])
def test_each_role_gets_what_the_table_says(route, case, make_user):
    stage = Stage(make_user)
    method, path = route.split(" ")

    def ask(role: str) -> int:
        caller = make_caller(make_user, role)
        address = address_of(path, case, stage=stage, caller=caller)
        content, headers = sent(body_of(route, stage=stage))
        return caller.client.generic(method, address, *content, **headers).status_code

    assert {role: ask(role) for role in ROLES} == ACCESS[route][case]
