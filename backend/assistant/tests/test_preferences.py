"""What people choose about mail, push and automatic answers holds, is recorded, exported, and goes with them."""

import pytest
from django.core import mail

from backend.assistant.models import AnswerPreference, AutomaticAnswer, Spending
from backend.assistant.services import first_answers, preferences
from backend.assistant.services.persons import erase_use, export_use
from backend.assistant.tests.factories import trail
from backend.common import hooks
from backend.common.unit_of_work import unit_of_work
from backend.identity.principals import principal_of
from backend.notifications.models import Delivery, DeliveryPreference
from backend.notifications.notices import KycDecided
from backend.notifications.services import deliveries, inbox_of, tell
from backend.notifications.services.inbox import forget_person
from backend.notifications.transfer_notices import AccountFrozen
from backend.support.tests.factories import say, waiting_chat
from backend.tests.commits import in_parallel

URL = "/api/preferences/"


@pytest.fixture(autouse=True)
def _at_once(settings, chosen):
    settings.DELIVERY_DELAY_SECONDS = 0
    chosen(answer_after_s=0.0)


def decide(user, notice=None):
    with unit_of_work() as unit:
        tell(unit, topics=[inbox_of(user.pk)], notice=notice or KycDecided(kyc_status="APPROVED", reason=""))
    deliveries.deliver_due()


@pytest.mark.django_db
def test_everything_is_on_until_somebody_chooses_otherwise(client_of, make_user):
    client = client_of(make_user())
    assert client.get(URL).json() == {"email": True, "push": True, "automatic_answers": True}
    changed = client.patch(URL, {"push": False}, format="json")
    assert changed.json() == {"email": True, "push": False, "automatic_answers": True}
    client.patch(URL, {"push": False}, format="json")
    assert trail("preferences.changed") == [{"push": False}]
    assert client.patch(URL, {"email": "perhaps"}, format="json").status_code == 400
    assert client.get(URL).json()["push"] is False


@pytest.mark.django_db
def test_who_wants_no_mail_gets_none_but_what_they_must_know(client_of, make_user):
    ana, bob = make_user(), make_user()
    client_of(ana).patch(URL, {"email": False, "push": False}, format="json")
    for user in (ana, bob):
        decide(user)
    assert [message.to for message in mail.outbox] == [[bob.email]]
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["CANCELLED", "SENT"]
    decide(ana, AccountFrozen(account_id="a", account_number="1", reason="x"))
    assert mail.outbox[-1].to == [ana.email]


@pytest.mark.django_db
def test_who_wants_no_automatic_answers_is_left_to_people(make_user):
    make_user("SUPPORT_AGENT")
    user = make_user()
    say(waiting_chat(user).pk, user, "How do I block a card?")
    preferences.choose(actor=principal_of(user), changes={"automatic_answers": False})
    assert first_answers.claim_due(5) == []
    preferences.choose(actor=principal_of(user), changes={"automatic_answers": True})
    assert len(first_answers.claim_due(5)) == 1


def test_two_changes_at_once_both_count(committed, make_user):
    actor = principal_of(make_user())
    in_parallel(
        lambda: preferences.choose(actor=actor, changes={"email": False}),
        lambda: preferences.choose(actor=actor, changes={"push": False}),
        lambda: preferences.choose(actor=actor, changes={"automatic_answers": False}),
    )
    assert preferences.preferences_of(actor.id) == preferences.Preferences(False, False, False)


@pytest.mark.django_db
def test_it_is_all_exported_and_erased(make_user):
    make_user("SUPPORT_AGENT")
    user = make_user()
    chat = waiting_chat(user)
    say(chat.pk, user, "How do I block a card?")
    first_answers.stop(actor=principal_of(user), chat_id=chat.pk)
    preferences.choose(actor=principal_of(user), changes={"email": False})
    Spending.objects.create(user=user, day="2026-01-02", questions=3, tokens=450)
    found = {}
    export_use(hooks.Export(user.pk, lambda name, rows: found.update({name: list(rows)})))
    assert found["assistant/preferences.json"] == [{"email": False, "push": True, "automatic_answers": True}]
    assert found["assistant/use.json"] == [{"day": "2026-01-02", "questions": 3, "tokens": 450}]
    assert found["assistant/automatic_answers.json"][0]["state"] == "stopped"

    for forget in (erase_use, forget_person):
        forget(hooks.Erasure(user.pk, "Erased"))

    assert not Spending.objects.exists()
    assert not AnswerPreference.objects.exists()
    assert not DeliveryPreference.objects.exists()
    assert AutomaticAnswer.objects.get().stopped_by is None
