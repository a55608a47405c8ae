"""What a line in the log says of whose request it is: reference and session, for as long as the request lasts."""

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from structlog.contextvars import get_contextvars

from backend.common.request_context import RequestContext, entered
from backend.identity.authentication import CookieAuthentication, TokenAuthentication
from backend.identity.services import sessions

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("by", [TokenAuthentication, CookieAuthentication])
def test_lines_of_a_request_name_its_session_and_those_of_the_next_do_not(make_user, by):
    pair = sessions.open_session(user=make_user(), door="s1")
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    request.COOKIES["accessToken"] = pair.access
    request = Request(request)

    with entered(RequestContext(request_id="r-1")):
        before = get_contextvars()
        by().authenticate(request)
        known = get_contextvars()
    with entered(RequestContext(request_id="r-2")):
        after = get_contextvars()

    assert (before, after) == ({"request_id": "r-1"}, {"request_id": "r-2"})
    assert known == {"request_id": "r-1", "session_id": pair.sid}
    assert pair.access not in str(known)
