"""The limits at the doors: per person, per address, per key, per socket, and what whoever passes one is told."""

import asyncio
import time
import uuid

import pytest
from django.conf import settings as django_settings
from rest_framework.test import APIClient
from rest_framework_api_key.models import APIKey

from backend.audit.models import SecurityEvent
from backend.common.models import RateLimit
from backend.common.ratelimit import Limiter
from backend.common.shares import Shares
from backend.conftest import PASSWORD
from backend.identity import limits
from backend.identity.models import User
from backend.identity.tests.doors import LOGIN, REGISTER
from backend.identity.tests.notifying import ear
from backend.tests.servers import Server
from bench.client import call

ME = "/api/user/me/"
KEY = "/api/auth/api-key/"
PUBLIC = "/"  # anybody may read it, and it is counted like any view
AWAY = "203.0.113.7"
OTHER = "203.0.113.8"


@pytest.fixture(autouse=True)
def _counters(monkeypatch):
    """Counters of the test's own: user ids come again with each database."""
    own = Limiter(django_settings.REDIS_URLS[0], prefix=f"{django_settings.LAYER_PREFIX}:{uuid.uuid4().hex}:")
    monkeypatch.setattr(limits, "limiter", lambda: own)
    process = Shares(own)
    monkeypatch.setattr(limits, "shares", lambda: process)


@pytest.fixture
def limit(settings):
    """Lower a limit: `limit(user=3)`."""

    def lower(**limits: int) -> None:
        windows = {name: (uses, settings.RATE_LIMITS[name][1]) for name, uses in limits.items()}
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, **windows}

    return lower


def at(ip: str, **headers: str) -> APIClient:
    return APIClient(raise_request_exception=False, REMOTE_ADDR=ip, **headers)


def statuses(ask, times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def says_too_many(response, *, limit: int, seconds: int = 60) -> None:
    """The body of S2-B27 beside our own, and the headers."""
    wait = response.json()["retry_after"]
    assert response.status_code == 429
    assert response.json() == {
        "detail": "Too many requests. Please wait before trying again.",
        "code": "throttled",
        "error": "rate_limit_exceeded",
        "message": "Too many requests. Please wait before trying again.",
        "retry_after": wait,
    }
    assert seconds - 2 <= wait <= seconds + 1
    assert response["Retry-After"] == str(wait)
    assert (response["X-RateLimit-Limit"], response["X-RateLimit-Remaining"]) == (str(limit), "0")
    assert 0 <= int(response["X-RateLimit-Reset"]) - time.time() - wait + 1 < 2


def sign_in_at(ip: str, user: User, password: str = PASSWORD):
    return at(ip).post(LOGIN, {"username": user.email, "password": password})


def register_at(ip: str, **headers: str):
    names = {"first_name": "Ana", "last_name": "Banker"}
    body = {**names, "email": f"{uuid.uuid4().hex}@example.com", "password": "quiet purple tractor"}
    return at(ip, **headers).post(REGISTER, body)


# Per person


@pytest.mark.django_db
def test_each_answer_tells_how_much_is_left(limit, make_user, client_of):
    limit(user=30)
    client = client_of(make_user())

    answers = [client.get(ME) for _ in range(3)]

    assert [answer["X-RateLimit-Limit"] for answer in answers] == ["30"] * 3
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["29", "28", "27"]
    assert all(0 < int(answer["X-RateLimit-Reset"]) - time.time() <= 61 for answer in answers)


@pytest.mark.django_db
def test_who_passes_the_limit_is_told_so_on_every_request(limit, make_user, client_of):
    limit(user=25)
    user = make_user()
    client = client_of(user)

    assert statuses(lambda: client.get(ME), 25) == [200] * 25
    for _ in range(3):
        says_too_many(client.get(ME), limit=25)


@pytest.mark.django_db
def test_a_refused_request_changes_nothing(limit, make_user, client_of):
    limit(user=1)
    user = make_user(name="Ana")
    client = client_of(user)
    client.get(ME)

    response = client.patch(ME, {"name": "Eve"})

    user.refresh_from_db()
    assert (response.status_code, user.name) == (429, "Ana")


@pytest.mark.django_db
def test_a_persons_block_is_one_security_event_and_one_row(limit, make_user, client_of):
    limit(user=2)
    user = make_user()
    client = client_of(user)

    statuses(lambda: client.get(ME), 6)

    (event,) = SecurityEvent.objects.filter(event_type="RATE_LIMIT_EXCEEDED")
    assert (event.user_id, event.severity, event.metadata["rule"]) == (user.pk, "MEDIUM", "user")
    assert RateLimit.objects.filter(is_blocked=True).values_list("identifier", "endpoint").get() == (
        f"user:{user.pk}",
        "user",
    )


@pytest.mark.django_db
def test_a_person_is_limited_over_all_devices_and_addresses_together(limit, make_user, token_of):
    """E-RATE-1."""
    limit(user=4)
    user = make_user("AUDITOR")
    clients = [at(ip, HTTP_AUTHORIZATION=f"Bearer {token_of(user)}") for ip in ("127.0.0.1", AWAY, OTHER)]

    found = [client.get(ME).status_code for _ in range(2) for client in clients]

    assert found == [200, 200, 200, 200, 429, 429]


@pytest.mark.django_db
def test_two_people_at_one_address_do_not_share_a_limit(limit, make_user, client_of):
    limit(user=2)
    one, other = client_of(make_user()), client_of(make_user())

    statuses(lambda: one.get(ME), 3)

    assert other.get(ME).status_code == 200


@pytest.mark.django_db
def test_the_limit_is_600_a_minute():
    assert (limits.rule("user").limit, limits.rule("user").window_s) == (600, 60)
    assert (limits.rule("api_key").limit, limits.rule("registration")) == (6000, limits.Rule("registration", 25, 3600))


@pytest.mark.django_db
def test_the_limit_holds_without_redis(limit, make_user, client_of, monkeypatch):
    """E-RATE-3."""
    limit(user=3)
    dead = Shares(Limiter("redis://127.0.0.1:1/0", prefix="x:"))
    monkeypatch.setattr(limits, "shares", lambda: dead)
    client = client_of(make_user())

    assert statuses(lambda: client.get(ME), 5) == [200, 200, 200, 429, 429]


# Per address


@pytest.mark.django_db
def test_who_is_not_signed_in_is_limited_by_address(limit):
    limit(anonymous=3)

    answers = [at(AWAY).get(PUBLIC) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    says_too_many(answers[3], limit=3)
    assert at(OTHER).get(PUBLIC).status_code == 200


@pytest.mark.django_db
def test_exempt_addresses_are_spared_the_limits_per_address_only(limit, settings, make_user, token_of):
    """K-44."""
    limit(anonymous=1, registration=1, sign_in=1, user=2)
    settings.RATE_LIMIT_EXEMPT = ["203.0.113.0/28", "2001:db8::/32"]
    user = make_user()
    signed = at(AWAY, HTTP_AUTHORIZATION=f"Bearer {token_of(user)}")

    assert statuses(lambda: at(AWAY).get(PUBLIC), 4) == [200] * 4
    assert statuses(lambda: at("2001:db8::7").get(PUBLIC), 4) == [200] * 4
    assert statuses(lambda: register_at(AWAY), 3) == [202] * 3
    assert statuses(lambda: sign_in_at(AWAY, make_user(), "wrong"), 3) == [401] * 3
    assert statuses(lambda: signed.get(ME), 4) == [200, 200, 429, 429]
    assert statuses(lambda: at("203.0.113.77").get(PUBLIC), 2) == [200, 429]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "proxies", "forwarded", "counted"),
    [
        ("no proxy: the header is the client's invention", 0, ["9.9.9.1", "9.9.9.2", "9.9.9.3"], 1),
        ("one proxy: the last entry counts", 1, ["9.9.9.1", "9.9.9.2", "9.9.9.3"], 3),
        ("one proxy: what the client wrote before does not", 1, ["1.1.1.1, 9.9.9.1", "2.2.2.2, 9.9.9.1", "9.9.9.1"], 1),
        (
            "two proxies: the second from the right",
            2,
            ["9.9.9.1, 5.5.5.5", "9.9.9.1, 6.6.6.6", "7, 9.9.9.1, 8.8.8.8"],
            1,
        ),
        ("fewer entries than proxies: the peer", 2, ["9.9.9.1", "9.9.9.2", "9.9.9.3"], 1),
    ],
)
def test_a_forwarded_address_counts_only_through_our_proxies(limit, settings, _case, proxies, forwarded, counted):
    """K-45."""
    limit(anonymous=1)
    settings.PROXY_COUNT = proxies

    found = [at(AWAY, HTTP_X_FORWARDED_FOR=entry).get(PUBLIC).status_code for entry in forwarded]

    assert found.count(200) == counted


@pytest.mark.django_db
def test_an_exempt_address_cannot_be_claimed_in_a_header(limit):
    limit(anonymous=1)

    found = statuses(lambda: at(AWAY, HTTP_X_FORWARDED_FOR="127.0.0.1").get(PUBLIC), 2)

    assert found == [200, 429]


# Registration and sign-in


@pytest.mark.django_db
def test_an_address_registers_25_accounts_an_hour():
    """S2-B25, as section 8 settles it."""
    before = User.objects.count()

    assert statuses(lambda: register_at(AWAY), 25) == [202] * 25
    says_too_many(register_at(AWAY), limit=25)
    assert User.objects.count() == before + 25
    assert register_at(OTHER).status_code == 202


@pytest.mark.django_db
def test_signing_in_counts_failures_only(limit, make_user):
    limit(sign_in=3)
    user = make_user()

    assert statuses(lambda: sign_in_at(AWAY, user), 6) == [200] * 6
    assert statuses(lambda: sign_in_at(AWAY, make_user(), "wrong"), 3) == [401] * 3
    assert sign_in_at(AWAY, user).status_code == 200
    says_too_many(sign_in_at(AWAY, make_user(), "wrong"), limit=3)


@pytest.mark.django_db
def test_an_address_that_failed_too_often_is_not_let_in_with_the_right_password_either(limit, make_user):
    limit(sign_in=1)
    user = make_user()
    statuses(lambda: sign_in_at(AWAY, make_user(), "wrong"), 2)

    says_too_many(sign_in_at(AWAY, user), limit=1)
    assert user.sessions.count() == 0
    assert sign_in_at(OTHER, user).status_code == 200


# Keys and sockets


@pytest.mark.django_db
def test_a_key_has_a_limit_of_its_own(limit):
    limit(api_key=2, anonymous=1)
    keys = [APIKey.objects.create_key(name=name)[1] for name in ("one", "other")]

    found = [at(AWAY, HTTP_X_API_KEY=key).get(KEY).status_code for key in keys for _ in range(3)]

    assert found == [200, 200, 429, 200, 200, 429]


@pytest.mark.django_db
def test_a_key_tells_how_much_is_left_and_asks_redis_seldom(limit, monkeypatch):
    """S2-B27, for partners too. Their limit is the largest, so a round trip for each request would cost most there."""
    limit(api_key=6000)
    secret = APIKey.objects.create_key(name="busy")[1]
    hits = []
    source = limits.shares()._source
    hit = source.hit
    monkeypatch.setattr(source, "hit", lambda *args, **kwargs: hits.append(args) or hit(*args, **kwargs))

    answers = [at(AWAY, HTTP_X_API_KEY=secret).get(KEY) for _ in range(20)]

    assert [int(answer["X-RateLimit-Remaining"]) for answer in answers] == [*range(5999, 5979, -1)]
    assert len(hits) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "credential",
    [
        {"HTTP_AUTHORIZATION": f"Bearer {'ab' * 20}"},
        {"HTTP_AUTHORIZATION": "Token a.b.c"},
        {"HTTP_COOKIE": "accessToken=a.b.c"},
    ],
    ids=["40 hex", "JWT", "cookie"],
)
def test_guessing_tokens_is_limited_by_address(limit, credential):
    """design.md section 8: whoever brings what is no credential is anybody, and counts as that."""
    limit(credential=3, anonymous=1)

    assert statuses(lambda: at(AWAY, **credential).get(ME), 5) == [401, 401, 401, 429, 429]
    assert at(OTHER, **credential).get(ME).status_code == 401


@pytest.mark.django_db
def test_guessing_keys_is_limited_by_address(limit):
    limit(credential=3, anonymous=1)
    secret = APIKey.objects.create_key(name="one")[1]

    assert statuses(lambda: at(AWAY, HTTP_X_API_KEY="no.key").get(KEY), 5) == [403, 403, 403, 429, 429]
    assert at(AWAY, HTTP_X_API_KEY=secret).get(KEY).status_code == 200  # Its own limit is another one.


@pytest.mark.server
def test_sockets_are_limited_per_person(server, live, make_user, token_of, tmp_path):
    one, other = token_of(make_user()), token_of(make_user())

    async def first(strict, token):
        async with ear(strict, token) as socket:
            return await socket.first_frame_or_code()

    async def play(strict):
        return [await first(strict, one) for _ in range(5)], await first(strict, other)

    # Counters of its own, in a corner of Redis that settings_test.py makes from this name.
    own = {"RATE_LIMIT_SOCKETS": "3", "PYTEST_XDIST_WORKER": uuid.uuid4().hex}
    with Server(server.database, folder=tmp_path, **own).running() as strict:
        mine, others = asyncio.run(play(strict))
        rest = call(strict.base_url, "GET", ME, token=one)[0]

    assert mine == [[], [], [], 4012, 4012]
    assert (others, rest) == ([], 200)
