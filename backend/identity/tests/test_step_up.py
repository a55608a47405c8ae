"""Step-up tokens: proof of who one is, for one act and its exact parameters, once (design.md section 3)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from backend.audit.models import AuditLog
from backend.common.unit_of_work import unit_of_work
from backend.conftest import PASSWORD
from backend.identity.errors import ParametersRefused, StepUpRequired
from backend.identity.models import SignInCounter, SpentStepUp
from backend.identity.principals import principal_from_credential
from backend.identity.services import retention, sessions, step_up
from backend.identity.tests.apps import Phone, grant_of
from backend.identity.tests.attempts import WRONG
from backend.identity.tests.doors import bearing
from backend.tests.commits import in_parallel

ACT, FACTS = "transfer.post", {"amount": "10.00", "to": {"iban": "PT50", "name": "Bob"}, "tags": [1, None, True]}


@pytest.fixture
def phone(monkeypatch):
    return Phone(monkeypatch)


@pytest.fixture
def token(make_user, token_of):
    return token_of(make_user(email="ana@example.com"))


@pytest.fixture
def actor(token):
    return principal_from_credential(token)


@pytest.fixture
def grant(actor):
    return step_up.issue(actor=actor, action=ACT, parameters=FACTS, password=PASSWORD)


def passes(actor, grant, action=ACT, parameters=FACTS) -> bool:
    try:
        with unit_of_work():
            step_up.require(actor=actor, action=action, parameters=parameters, token=grant)
    except StepUpRequired:
        return False
    return True


@pytest.mark.django_db
def test_a_token_is_good_for_its_act_once(token, actor):
    answer = grant_of(bearing(token), ACT, FACTS, password=PASSWORD)

    made = answer.json()
    assert (answer.status_code, made["expires_in"]) == (201, 300)
    assert [passes(actor, made["token"]) for _ in range(2)] == [True, False]
    assert AuditLog.objects.get(action="step_up.granted").facts == {"for": ACT, "means": "password"}


@pytest.mark.django_db
def test_the_order_of_names_does_not_matter(actor, grant):
    turned = {"tags": (1, None, True), "to": {"name": "Bob", "iban": "PT50"}, "amount": Decimal("10.00")}

    assert passes(actor, grant, parameters=turned)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("transfer.reverse", FACTS),
        (ACT, {**FACTS, "amount": "10.01"}),
        (ACT, {**FACTS, "amount": "10.0"}),
        (ACT, {**FACTS, "extra": None}),
        (ACT, {"amount": "10.00"}),
        (ACT, {**FACTS, "tags": [True, None, 1]}),
        (ACT, {}),
    ],
)
def test_another_act_or_other_values_take_another_token(actor, grant, action, parameters):
    assert not passes(actor, grant, action, parameters)
    assert passes(actor, grant)


@pytest.mark.django_db
def test_it_is_worth_nothing_to_others(actor, grant, make_user, token_of):
    other = principal_from_credential(token_of(make_user()))

    assert not passes(other, grant)


@pytest.mark.django_db
def test_it_is_worth_nothing_in_another_session(make_user):
    """Who steals a token of one device gets nothing by watching another."""
    user = make_user(is_staff=True)
    here, there = (principal_from_credential(sessions.open_session(user=user, door="s1").access) for _ in range(2))
    grant = step_up.issue(actor=here, action=ACT, parameters=FACTS, password=PASSWORD)

    assert (passes(there, grant), passes(here, grant)) == (False, True)


@pytest.mark.django_db
def test_it_expires(actor, grant, monkeypatch, settings):
    late = timezone.now().timestamp() + settings.STEP_UP_SECONDS + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: late)

    assert not passes(actor, grant)


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "x", "a:b:c", "\x00", "é"])
def test_what_is_no_token_is_refused(actor, grant, text):
    assert not passes(actor, text)
    assert not passes(actor, grant[:-1] + ("A" if grant[-1] != "A" else "B"))


@pytest.mark.django_db
def test_an_act_that_fails_has_spent_nothing(actor, grant):
    class Failed(Exception):
        pass

    with pytest.raises(Failed), unit_of_work():
        step_up.require(actor=actor, action=ACT, parameters=FACTS, token=grant)
        raise Failed

    assert passes(actor, grant)


def test_of_two_acts_at_once_one_happens(committed, make_user, token_of):
    actor = principal_from_credential(token_of(make_user()))
    grant = step_up.issue(actor=actor, action=ACT, parameters=FACTS, password=PASSWORD)

    assert sorted(in_parallel(*[lambda: passes(actor, grant)] * 3)) == [False, False, True]


@pytest.mark.django_db
@pytest.mark.parametrize("proof", [{}, {"password": WRONG}, {"otp": "123456"}])
def test_without_proof_there_is_none(token, proof):
    answer = grant_of(bearing(token), ACT, FACTS, **proof)

    wanted = "bad_credentials" if "password" in proof else "password_required"
    assert (answer.status_code, answer.json()["code"]) == (422, wanted)
    assert SignInCounter.objects.count() == ("password" in proof)
    assert not AuditLog.objects.filter(action="step_up.granted").exists()


@pytest.mark.django_db
def test_who_enrolled_shows_a_code_and_no_password(make_user, client_of, phone):
    user = make_user()
    phone.enrol(user)
    client = client_of(user)

    by_password = grant_of(client, ACT, FACTS, password=PASSWORD)
    by_code = grant_of(client, ACT, FACTS, otp=phone.code())

    assert (by_password.status_code, by_password.json()["code"]) == (422, "otp_required")
    assert by_code.status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("parameters", [{"amount": 10.5}, {"deep": [{"x": 1e3}]}], ids=["fraction", "deep"])
def test_numbers_with_a_fraction_are_refused(token, parameters):
    """10.0, 10.00 and 1e1 are one number and three texts."""
    answer = grant_of(bearing(token), ACT, parameters, password=PASSWORD)

    assert (answer.status_code, answer.json()["code"]) == (422, "parameters_refused")


def test_parameters_are_plain_json():
    deep: list = []
    for _ in range(5000):
        deep = [deep]

    for odd in ({1: "x"}, {"x": object()}, {"x": float("nan")}, {"x": deep}):
        with pytest.raises(ParametersRefused):
            step_up.digest_of(ACT, odd)


def test_it_is_spent_in_the_transaction_of_the_act(committed):
    with pytest.raises(RuntimeError):
        step_up.require(actor=None, action=ACT, parameters={}, token="")


@pytest.mark.django_db
def test_spent_tokens_are_pruned(actor, grant):
    passes(actor, grant)
    SpentStepUp.objects.update(expires_at=timezone.now() - timedelta(days=31))

    retention.prune()

    assert SpentStepUp.objects.count() == 0
