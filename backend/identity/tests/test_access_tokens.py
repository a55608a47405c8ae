"""Which access tokens are accepted, and in which header (K-11, E-S1-21, BUG-S1-9, BUG-S1-32)."""

import uuid
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from django.conf import settings

from backend.identity import tokens
from backend.identity.errors import TokenRefused
from backend.identity.models import Session, User
from backend.identity.services import sessions
from backend.identity.tests.doors import ACCEPTED, CHANGE, REFUSED, TOKEN_REFUSED, bearing, claims_of, rows, status_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(make_user) -> User:
    return make_user()


@pytest.fixture
def pair(user: User) -> sessions.TokenPair:
    return sessions.open_session(user=user, door="s1")


def forged(access: str, *, key: str | None = None, algorithm: str = "HS256", **changes: object) -> str:
    """The token's claims with changes (None takes one away), signed as asked."""
    claims = {name: value for name, value in {**claims_of(access), **changes}.items() if value is not None}
    return jwt.encode(claims, settings.SECRET_KEY if key is None else key, algorithm=algorithm)


def ago(**time: float) -> int:
    return int((datetime.now(UTC) - timedelta(**time)).timestamp())


def test_a_token_signed_anew_with_the_same_claims_is_accepted(pair):
    """So each refusal below is due to what it changes, and to nothing else."""
    assert status_of(forged(pair.access)) == ACCEPTED


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda pair: forged(pair.access, exp=ago(seconds=1)), id="expired"),
        pytest.param(lambda pair: forged(pair.access, exp=None), id="without expiry"),
        pytest.param(lambda pair: forged(pair.access, iat=ago(days=-1)), id="issued in the future"),
        pytest.param(lambda pair: forged(pair.access, algorithm="HS512"), id="another algorithm"),
        pytest.param(lambda pair: forged(pair.access, key="", algorithm="none"), id="no algorithm"),
        pytest.param(lambda pair: forged(pair.access, key="k" * 64), id="another key"),
        pytest.param(lambda pair: pair.access.rpartition(".")[0] + ".", id="no signature"),
        pytest.param(lambda pair: pair.access[:-4] + "AAAA", id="altered signature"),
        pytest.param(lambda pair: pair.refresh, id="a refresh token"),
        pytest.param(lambda pair: forged(pair.access, token_type=None), id="without type"),
        pytest.param(lambda pair: forged(pair.access, iss="somebody"), id="another issuer"),
        pytest.param(lambda pair: forged(pair.access, iss=None), id="without issuer"),
        pytest.param(lambda pair: forged(pair.access, jti=None), id="without id"),
        pytest.param(lambda pair: forged(pair.access, jti=7), id="an id that is no text"),
        pytest.param(lambda pair: forged(pair.access, sid=None), id="without session"),
        pytest.param(lambda pair: forged(pair.access, sid=7), id="a session that is no text"),
        pytest.param(lambda pair: forged(pair.access, sid="x' OR 1=1"), id="a session that is no UUID"),
        pytest.param(lambda pair: forged(pair.access, sid=pair.sid.upper()), id="a session in other letters"),
        pytest.param(lambda pair: forged(pair.access, sid=str(uuid.uuid4())), id="an unknown session"),
        pytest.param(lambda pair: forged(pair.access, user_id=None), id="without user"),
        pytest.param(
            lambda pair: forged(pair.access, user_id=str(claims_of(pair.access)["user_id"])), id="a text as user"
        ),
        pytest.param(lambda pair: forged(pair.access, user_id=True), id="a switch as user"),
        pytest.param(lambda pair: forged(pair.access, user_id=2**40), id="an unknown user"),
        pytest.param(lambda pair: "eyJ.eyJ.", id="no JWT"),
        pytest.param(lambda pair: "0123456789abcdef0123456789abcdef01234567", id="an opaque token that nobody has"),
        pytest.param(lambda pair: "\xe4" * 40, id="no ASCII"),
    ],
)
def test_a_token_that_is_not_right_in_every_part_is_refused(pair, spoil):
    spoilt = spoil(pair)
    before = rows()

    answer = bearing(spoilt).put(CHANGE, {})

    assert (answer.status_code, answer.json()) == (401, TOKEN_REFUSED)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ease"'
    assert rows() == before


def test_the_session_of_another_person_is_refused(pair, make_user):
    stranger = sessions.open_session(user=make_user(), door="s1")

    mixed = forged(pair.access, sid=stranger.sid)

    assert [status_of(access) for access in (mixed, pair.access, stranger.access)] == [REFUSED, ACCEPTED, ACCEPTED]


def test_the_session_of_another_person_is_refused_when_it_is_cached_too(pair, make_user):
    stranger = sessions.open_session(user=make_user(), door="s1")
    status_of(stranger.access)

    assert status_of(forged(pair.access, sid=stranger.sid)) == REFUSED


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(
            lambda user, sid: Session.objects.filter(pk=sid).update(
                revoked_at=datetime.now(UTC), revoked_reason="test"
            ),
            id="the session is revoked",
        ),
        pytest.param(
            lambda user, sid: Session.objects.filter(pk=sid).update(expires_at=datetime.now(UTC)),
            id="the session is over",
        ),
        pytest.param(
            lambda user, sid: User.objects.filter(pk=user.pk).update(is_active=False), id="the user is blocked"
        ),
        pytest.param(lambda user, sid: User.objects.filter(pk=user.pk).delete(), id="the user is deleted"),
    ],
)
def test_a_token_is_worth_what_its_session_and_user_are(pair, user, end):
    """BUG-S1-32."""
    end(user, pair.sid)

    assert status_of(pair.access) == REFUSED


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer", "TOKEN", "bEaReR"])
def test_both_words_are_understood_in_any_case(pair, scheme):
    """K-11, S1-B1."""
    assert bearing(pair.access, scheme).put(CHANGE, {}).status_code == ACCEPTED


def test_spaces_around_the_token_do_not_matter(pair):
    assert bearing(f"  {pair.access} ").put(CHANGE, {}).status_code == ACCEPTED


@pytest.mark.parametrize(
    ("header", "code"),
    [
        pytest.param("", "not_authenticated", id="empty"),
        pytest.param("garbage", "not_authenticated", id="one word"),
        pytest.param("Basic YTpi", "not_authenticated", id="Basic"),
        pytest.param("Api-Key abc.def", "not_authenticated", id="an API key"),
        pytest.param("Bearer", "token_not_valid", id="no token"),
        pytest.param("Token ", "token_not_valid", id="a space for a token"),
        pytest.param("Bearer a b", "token_not_valid", id="two tokens"),
    ],
)
def test_any_other_header_is_401_and_never_a_crash(anybody, header, code):
    """E-S1-21, BUG-S1-9."""
    anybody.credentials(HTTP_AUTHORIZATION=header)

    answer = anybody.put(CHANGE, {})

    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_a_token_without_a_scheme_is_refused(anybody, pair):
    """E-S1-21."""
    anybody.credentials(HTTP_AUTHORIZATION=pair.access)

    assert anybody.put(CHANGE, {}).status_code == REFUSED


def test_a_token_in_the_query_string_counts_only_on_sockets(anybody, pair):
    assert anybody.put(f"{CHANGE}?token={pair.access}", {}).status_code == REFUSED


@pytest.mark.parametrize("raw", ["", None, 7, b"bytes"])
def test_what_is_no_text_is_no_token(raw):
    """V-1: simplejwt makes a new token of None."""
    with pytest.raises(TokenRefused):
        tokens.read_refresh(raw)
    with pytest.raises(TokenRefused):
        tokens.read_access(raw)


def test_a_door_without_lifetimes_of_its_own_has_the_default_ones(user):
    """K-15: S1 has its own, the rest 60 minutes and 7 days."""
    pair = sessions.open_session(user=user, door="s2")

    access, refresh = claims_of(pair.access), claims_of(pair.refresh)
    assert access["exp"] - access["iat"] == 3600
    assert refresh["exp"] - refresh["iat"] == 7 * 24 * 3600
