"""Whoever changes something leaves a row in the trail: every unsafe route, but for those that say why not (K-71)."""

import pytest

from backend.audit.models import AuditLog
from backend.tests.access import ACCESS, address_of, body_of, slices
from backend.tests.roles import ROLES
from backend.tests.stage import Stage, make_caller, sent

# Every route that writes in turn: what runs there has tests of its own, and measuring it again takes half the time.
pytestmark = pytest.mark.no_cover

SAFE = {"GET", "HEAD", "OPTIONS"}
# Each slice's tests/access.py may say of routes that they record nothing, and why.
UNRECORDED = {route: why for module in slices() for route, why in getattr(module, "UNRECORDED", {}).items()}
UNSAFE = [route for route in ACCESS if route.split(" ")[0] not in SAFE]


def role_that_may(route: str) -> tuple[str, str] | None:
    """Return a case and a role that the table lets through."""
    for case, row in ACCESS[route].items():
        for role in reversed(ROLES):
            if row[role] < 300:
                return case, role
    return None


def test_what_is_said_to_record_nothing_exists_and_says_why():
    assert set(UNRECORDED) <= set(UNSAFE)
    assert all(UNRECORDED.values())


@pytest.mark.django_db
@pytest.mark.parametrize("route", [route for route in UNSAFE if route not in UNRECORDED])
def test_what_is_carried_out_is_recorded(route, make_user):
    found = role_that_may(route)
    assert found is not None, "nobody may: say in UNRECORDED where it is tested"
    case, role = found
    stage = Stage(make_user)
    method, path = route.split(" ")
    caller = make_caller(make_user, role)
    address = address_of(path, case, stage=stage, caller=caller)
    content, headers = sent(body_of(route, stage=stage))
    last = AuditLog.objects.values_list("id", flat=True).first() or 0

    answer = caller.client.generic(method, address, *content, **headers)

    assert answer.status_code == ACCESS[route][case][role]
    assert AuditLog.objects.filter(id__gt=last).exists()
