"""API keys of partners: `rest_framework_api_key`, narrowed by scopes (K-11, K-13, S4's `X-Api-Key`)."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_api_key.models import APIKey

from backend.common.ratelimit import limiter
from backend.identity import limits, permissions
from backend.identity.models import KeyGrant
from backend.identity.permissions import usable_key
from backend.identity.tests.attempts import events
from backend.identity.tests.doors import rows

KEY = "/api/auth/api-key/"
REFUSED = {"detail": "You do not have permission to perform this action.", "code": "permission_denied"}


def made(**fields) -> tuple[APIKey, str]:
    return APIKey.objects.create_key(name="partner", **fields)


def asking(**headers: str):
    return APIClient(raise_request_exception=False).get(KEY, **headers)


@pytest.mark.django_db
def test_a_key_made_with_the_library_works():
    """Partners' engineers make them with `create_key(name=…)`."""
    key, secret = made()

    answer = asking(HTTP_X_API_KEY=secret)

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "name": "partner",
            "prefix": key.prefix,
            "scopes": [],
            "created": key.created.isoformat().replace("+00:00", "Z"),
            "expiry_date": None,
        },
    )


@pytest.mark.django_db
def test_only_a_hash_is_stored():
    _, secret = made()

    assert secret.partition(".")[2] not in str(APIKey.objects.values().get())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [
        pytest.param(lambda secret: {}, id="none"),
        pytest.param(lambda secret: {"HTTP_X_API_KEY": ""}, id="empty"),
        pytest.param(lambda secret: {"HTTP_X_API_KEY": "garbage"}, id="garbage"),
        pytest.param(lambda secret: {"HTTP_X_API_KEY": secret[:-1]}, id="one character short"),
        pytest.param(lambda secret: {"HTTP_X_API_KEY": secret + "x"}, id="one too many"),
        pytest.param(lambda secret: {"HTTP_X_API_KEY": secret.partition(".")[0]}, id="the prefix alone"),
        pytest.param(lambda secret: {"HTTP_X_API_KEY": "." + secret.partition(".")[2]}, id="the secret alone"),
        pytest.param(lambda secret: {"HTTP_X_API_KEY": "ä.ö"}, id="no ASCII"),
        pytest.param(lambda secret: {"HTTP_X_API_KEY": "a\x00.b"}, id="NUL"),
        pytest.param(lambda secret: {"HTTP_AUTHORIZATION": f"Api-Key {secret}"}, id="the library's own header"),
        pytest.param(lambda secret: {"HTTP_AUTHORIZATION": f"Bearer {secret}"}, id="as a token"),
        pytest.param(lambda secret: {"QUERY_STRING": f"api_key={secret}"}, id="in the address"),
    ],
)
def test_without_the_right_key_it_is_403_and_never_401(given):
    """E-S4-1. K-13."""
    _, secret = made()
    before = rows()

    answer = asking(**given(secret))

    assert (answer.status_code, answer.json()) == (403, REFUSED)
    assert "WWW-Authenticate" not in answer
    assert rows() == before


@pytest.mark.django_db
def test_a_signed_in_person_without_a_key_is_403(make_user, client_of):
    """A token is no key."""
    assert client_of(make_user(is_superuser=True)).get(KEY).status_code == 403


@pytest.mark.django_db
def test_a_key_is_no_token():
    """It opens partner routes only."""
    _, secret = made()

    answers = [
        APIClient().get("/api/profile/", HTTP_X_API_KEY=secret),
        APIClient().get("/api/profile/", HTTP_AUTHORIZATION=f"Api-Key {secret}"),
    ]

    assert [answer.status_code for answer in answers] == [401, 401]


@pytest.mark.django_db
def test_a_revoked_key_is_refused_at_once():
    """E-S4-2."""
    key, secret = made()
    before = asking(HTTP_X_API_KEY=secret).status_code
    key.revoked = True
    key.save()

    assert (before, asking(HTTP_X_API_KEY=secret).status_code) == (200, 403)


@pytest.mark.django_db
def test_a_key_works_until_it_expires():
    """E-S4-2."""
    _, old = made(expiry_date=timezone.now() - timedelta(seconds=1))
    _, good = made(expiry_date=datetime(2999, 1, 1, tzinfo=UTC))

    assert [asking(HTTP_X_API_KEY=secret).status_code for secret in (old, good)] == [403, 200]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        pytest.param(["partner"], 200, id="the right one"),
        pytest.param(["other", "partner"], 200, id="among others"),
        pytest.param(["other"], 403, id="another"),
        pytest.param(["partner:read"], 403, id="one that looks alike"),
        pytest.param([], 200, id="not narrowed"),
    ],
)
def test_a_grant_narrows_a_key(scopes, status):
    key, secret = made()
    KeyGrant.objects.create(api_key=key, scopes=scopes)

    assert asking(HTTP_X_API_KEY=secret).status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize("scopes", ["partner_x", "other", {}, {"partner": False}, "", 0, True, [1]], ids=repr)
def test_a_grant_of_another_shape_opens_nothing(scopes):
    """A slip on the admin page must not turn a narrow key into one that may do everything."""
    key, secret = made()
    KeyGrant.objects.create(api_key=key, scopes=[])
    KeyGrant.objects.filter(pk=key.pk).update(scopes=scopes)

    assert asking(HTTP_X_API_KEY=secret).status_code == 403


@pytest.mark.django_db
def test_a_refused_key_is_no_denial_of_a_person():
    asking(HTTP_X_API_KEY="garbage")

    assert events() == []


@pytest.mark.django_db
def test_a_key_costs_one_query(django_assert_num_queries):
    _, secret = made()

    with django_assert_num_queries(1):
        assert usable_key(secret) is not None


@pytest.mark.django_db
def test_what_was_found_out_about_a_key_is_good_for_half_a_second(settings, django_assert_num_queries):
    """BUG-S4-20: asked often, it costs neither query nor hash; being revoked, expired or narrowed counts soon."""
    settings.PRINCIPAL_NEAR_SECONDS = 60
    key, secret = made(expiry_date=datetime(2999, 1, 1, tzinfo=UTC))
    found = usable_key(secret)

    with django_assert_num_queries(0):
        assert usable_key(secret) is found
    assert usable_key(f"{secret}x") is None
    found.expiry_date = timezone.now()
    assert usable_key(secret) is not found
    settings.PRINCIPAL_NEAR_SECONDS = 0.001
    permissions._near.clear()
    assert usable_key(secret) is not None
    APIKey.objects.filter(pk=key.pk).update(revoked=True)
    time.sleep(0.002)
    assert usable_key(secret) is None


@pytest.mark.django_db
def test_a_key_has_a_limit_of_its_own(settings):
    """design.md section 8."""
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "api_key": (2, 60)}
    (key, secret), (_, other) = made(), made()

    answers = [asking(HTTP_X_API_KEY=secret) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["error"] == "rate_limit_exceeded"
    assert asking(HTTP_X_API_KEY=other).status_code == 200
    limiter().clear(limits.rule("api_key"), f"key:{key.prefix}")


@pytest.mark.django_db
@pytest.mark.parametrize("scopes", ["partner", {"partner": True}, 7, [1], True], ids=repr)
def test_a_grant_is_a_list_of_words(scopes):
    key, _ = made()

    with pytest.raises(ValidationError) as refused:
        KeyGrant(api_key=key, scopes=scopes).full_clean()
    assert list(refused.value.message_dict) == ["scopes"]
