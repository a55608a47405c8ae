"""Where a request came from: only proxies of ours may say so (K-45, BUG-S2-20)."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from backend.common import request_context
from backend.common.request_context import RequestContext, RequestContextMiddleware, client_ip, current, entered


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded_for", "address"),
    [
        pytest.param(0, "192.0.2.1", "", "192.0.2.1", id="no proxy"),
        pytest.param(0, "192.0.2.1", "6.6.6.6", "192.0.2.1", id="no proxy, header invented"),
        pytest.param(1, "10.0.0.1", "192.0.2.1", "192.0.2.1", id="one proxy"),
        pytest.param(1, "10.0.0.1", "6.6.6.6, 192.0.2.1", "192.0.2.1", id="one proxy, left entry invented"),
        pytest.param(1, "10.0.0.1", "6.6.6.6,,192.0.2.1 ,", "192.0.2.1", id="one proxy, empty entries"),
        pytest.param(1, "192.0.2.1", "", "192.0.2.1", id="one proxy, passed by"),
        pytest.param(2, "10.0.0.1", "6.6.6.6, 192.0.2.1, 10.0.0.2", "192.0.2.1", id="two proxies, left entry invented"),
        pytest.param(2, "10.0.0.2", "192.0.2.1", "10.0.0.2", id="two proxies, one passed by"),
        pytest.param(1, "10.0.0.1", "2001:db8::1", "2001:db8::1", id="IPv6"),
        pytest.param(1, "10.0.0.1", "2001:DB8:0::1", "2001:db8::1", id="IPv6 in its one form"),
        pytest.param(0, "fe80::1%eth0", "", "fe80::1", id="IPv6 with a zone, which the database does not know"),
        pytest.param(1, "10.0.0.1", "unknown", None, id="a word"),
        pytest.param(1, "10.0.0.1", "1.2.3.4'; DROP TABLE", None, id="garbage"),
        pytest.param(1, "10.0.0.1", "999.1.1.1", None, id="no address"),
        pytest.param(0, None, "", None, id="no peer: a Unix socket"),
        pytest.param(0, "", "", None, id="an empty peer"),
    ],
)
def test_the_clients_address(settings, proxies, peer, forwarded_for, address):
    settings.PROXY_COUNT = proxies

    assert client_ip(peer, forwarded_for) == address


def test_outside_of_a_request_the_context_is_empty():
    assert current() == RequestContext(request_id="", ip=None, user_agent="")


def test_contexts_nest_and_end():
    outer, inner = RequestContext("outer", "192.0.2.1", "a"), RequestContext("inner")

    with entered(outer):
        with entered(inner):
            innermost = current()
        after_inner = current()

    assert (innermost, after_inner, current()) == (inner, outer, RequestContext())


def test_a_request_is_numbered_and_its_origin_known_while_it_is_served(settings):
    settings.PROXY_COUNT = 1
    seen: list[RequestContext] = []
    serve = RequestContextMiddleware(lambda request: seen.append(current()) or HttpResponse())

    answer = serve(
        RequestFactory().get(
            "/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="192.0.2.1", HTTP_USER_AGENT="ease/1 " + "x" * 400
        )
    )

    assert seen == [RequestContext(answer["X-Request-Id"], "192.0.2.1", ("ease/1 " + "x" * 400)[:300])]
    assert request_context.current() == RequestContext()


def test_every_request_has_a_number_of_its_own():
    serve = RequestContextMiddleware(lambda request: HttpResponse())

    first, second = (serve(RequestFactory().get("/"))["X-Request-Id"] for _ in range(2))

    assert len(first) == len(second) == 16
    assert first != second


def test_a_client_does_not_choose_the_number():
    serve = RequestContextMiddleware(lambda request: HttpResponse())

    answer = serve(RequestFactory().get("/", HTTP_X_REQUEST_ID="mine"))

    assert answer["X-Request-Id"] != "mine"
