"""Webhooks to partners (issue 07, build item 5): told with the fact, signed, retried, replayed, switched off."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from standardwebhooks import Webhook

from backend.audit.models import AuditLog
from backend.banking import facts
from backend.banking.models import BankGrant, DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookMessage
from backend.banking.services.webhooks import delivering, endpoints, outbox
from backend.banking.tests.partner_stage import Partner, stored
from backend.banking.tests.receiver import HOOKS, deliveries, listen, make_due, receiving
from backend.common import hooks
from backend.realtime.models import Event

NOBODY = "http://127.9.9.9:65530/"


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.WEBHOOK_LOOPBACK = True


@pytest.fixture
def partner(db):
    found = Partner()
    found.customer("c-1", "5000.00")
    return found


def test_each_fact_is_told_once_and_signed(partner):
    """Standard Webhooks: id, timestamp, signature; the body says what the partner's own routes say."""
    with receiving() as receiver:
        hook = listen(partner, receiver.url)
        partner.active_loan("l-1", "100.00")
        partner.pay("p-1", "100.00")
        partner.pay("p-2", "1.00")

        assert delivering.deliver_due() == 4
        assert delivering.deliver_due() == 0

    by_kind = {message["type"]: message["data"] for message in receiver.messages}
    assert sorted(receiver.kinds) == ["loan.activated", "loan.paid", "payment.completed", "payment.rejected"]
    assert by_kind["loan.paid"] == partner.get("/loans/l-1/").json()
    assert by_kind["loan.activated"]["status"] == 2
    assert by_kind["payment.completed"] == {**partner.get("/payments/p-1/").json(), "loans_touched": 1}
    assert by_kind["payment.rejected"]["external_id"] == "p-2"
    for headers, body in receiver.heard:
        assert Webhook(hook["secret"]).verify(body, headers)["timestamp"].endswith("Z")
        with pytest.raises(Exception, match="signature"):
            Webhook(hook["secret"]).verify(body + b" ", headers)
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 4
    assert {row["state"] for row in deliveries(partner, hook)} == {"delivered"}


def test_what_was_refused_or_rolled_back_is_not_told(partner, monkeypatch):
    """The outbox is written in the fact's transaction."""
    listen(partner, NOBODY)
    loan = partner.active_loan("l-1", "100.00")
    WebhookMessage.objects.all().delete()

    def fail(decided):
        raise RuntimeError

    monkeypatch.setattr(facts.payment_completed, "_listeners", [*facts.payment_completed._listeners, fail])
    assert partner.pay("p-1", "40.00").status_code == 500
    assert partner.post("/loans/l-1/activate/").status_code == 400
    loan.refresh_from_db()
    assert (WebhookMessage.objects.count(), str(loan.outstanding)) == (0, "100.00")


def test_who_wants_to_hear_what(partner):
    """Kinds narrow; other banks hear nothing; nobody listening costs no row."""
    other = Partner()
    other.customer()
    partner.active_loan("l-0", "1.00")
    assert WebhookMessage.objects.count() == 0
    everything = listen(partner, NOBODY)
    payments = listen(partner, f"{NOBODY}p", kinds=["payment.completed", "payment.completed"])

    partner.active_loan("l-1", "10.00")
    partner.pay("p-1", "11.00")
    other.active_loan("l-1", "10.00")

    assert payments["kinds"] == ["payment.completed"]
    told = [(row.endpoint_id, row.message.kind) for row in WebhookDelivery.objects.select_related("message")]
    assert sorted((str(one), kind) for one, kind in told) == sorted(
        [
            (everything["id"], "loan.activated"),
            (everything["id"], "loan.paid"),
            (everything["id"], "loan.paid"),
            (everything["id"], "payment.completed"),
            (payments["id"], "payment.completed"),
        ]
    )


def test_a_failure_is_tried_again_over_days_and_then_given_up(partner, make_user):
    """Exponential with jitter; under one id; the managers hear that nothing has arrived for days."""
    manager = make_user()
    partner.bank.manager = manager
    partner.bank.save()
    hook = listen(partner, NOBODY)  # nobody there
    partner.client.post(f"{HOOKS}{hook['id']}/test/")
    waits = []
    for _ in delivering.DELAYS_S:
        delivering.deliver_due()
        row = WebhookDelivery.objects.get()
        waits.append((row.due_at - row.last_at).total_seconds())
        make_due()
        WebhookEndpoint.objects.update(failing_since=datetime.now(UTC) - timedelta(days=3))
    assert [0.79 * one < wait < 1.21 * one for one, wait in zip(delivering.DELAYS_S, waits, strict=True)] == [True] * 9
    assert 2.5 < sum(delivering.DELAYS_S) / 86400 < 4

    delivering.deliver_due()

    row = WebhookDelivery.objects.get()
    assert (row.state, row.attempts, row.last_fault) == ("failed", 10, "connect")
    shown = partner.client.get(f"{HOOKS}{hook['id']}/").json()
    assert (shown["is_active"], shown["disabled_reason"]) == (False, "failing")
    told = Event.objects.filter(kind="webhook.disabled").values_list("topic__key", flat=True)
    assert list(told) == [f"user.{manager.pk}"]
    assert AuditLog.objects.filter(action="webhook.disabled").count() == 1


def test_a_dead_address_is_not_asked_for_each_message(partner):
    with receiving() as receiver:
        listen(partner, NOBODY)
        listen(partner, receiver.url)
        partner.active_loan("l-1", "10.00")
        delivering.deliver_due()
        partner.pay("p-1", "10.00")

        delivering.deliver_due()

    tries = {row.endpoint.url[-5:]: row.attempts for row in WebhookDelivery.objects.select_related("endpoint")}
    assert (sorted(receiver.kinds), len(tries)) == (["loan.activated", "loan.paid", "payment.completed"], 2)
    assert sum(WebhookDelivery.objects.filter(endpoint__url=NOBODY).values_list("attempts", flat=True)) == 1


@pytest.mark.parametrize("status", [500, 429, 302, 404])
def test_an_answer_that_is_no_success_is_tried_again(partner, status):
    with receiving(status=status) as receiver:
        hook = listen(partner, receiver.url)
        partner.client.post(f"{HOOKS}{hook['id']}/test/")
        delivering.deliver_due()
        assert deliveries(partner, hook)[0]["last_status"] == status

        receiver.status = 200
        make_due()
        assert delivering.deliver_due() == 1

    first, second = receiver.heard
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]
    assert partner.client.get(f"{HOOKS}{hook['id']}/").json()["failing_since"] is None


def test_gone_switches_off_and_the_managers_hear(partner, make_user):
    """410: also who manages the bank by a grant."""
    first, granted = make_user(), make_user()
    partner.bank.manager = first
    partner.bank.save()
    BankGrant.objects.create(
        content_object=partner.bank, user=granted, permission=Permission.objects.get(codename="manage_bank")
    )
    with receiving(status=410) as receiver:
        hook = listen(partner, receiver.url)
        partner.active_loan("l-1", "10.00")
        delivering.deliver_due()
        partner.pay("p-1", "10.00")
        make_due()
        delivering.deliver_due()

        shown = partner.client.get(f"{HOOKS}{hook['id']}/").json()
        (row,) = deliveries(partner, hook)
        told = set(Event.objects.filter(kind="webhook.disabled").values_list("topic__key", flat=True))
        assert (shown["is_active"], shown["disabled_reason"]) == (False, "gone")
        assert (row["state"], row["last_status"], len(receiver.heard)) == ("cancelled", 410, 1)
        assert told == {f"user.{first.pk}", f"user.{granted.pk}"}
        again = f"{HOOKS}{hook['id']}/deliveries/{row['id']}/replay/"
        assert partner.client.post(again).status_code == 409

        receiver.status = 200
        assert partner.client.patch(f"{HOOKS}{hook['id']}/", {"is_active": True}).json()["is_active"] is True
        assert partner.client.post(again).json()["state"] == "pending"
        assert partner.client.post(again).status_code == 409
        assert delivering.deliver_due() == 1
    assert receiver.heard[0][0]["webhook-id"] == receiver.heard[1][0]["webhook-id"]


def test_after_an_outage_everything_left_out_is_sent_again(partner):
    with receiving() as receiver:
        hook = listen(partner, receiver.url)
        partner.active_loan("l-1", "10.00")
        partner.client.patch(f"{HOOKS}{hook['id']}/", {"is_active": False})
        partner.pay("p-1", "5.00")
        assert [row["state"] for row in deliveries(partner, hook)] == ["cancelled"]
        partner.client.patch(f"{HOOKS}{hook['id']}/", {"is_active": True})

        early = partner.client.post(f"{HOOKS}{hook['id']}/replay/", {"since": "2999-01-01T00:00:00Z"})
        all_of_it = partner.client.post(f"{HOOKS}{hook['id']}/replay/", {"since": "2020-01-01T00:00:00Z"})

        assert (early.json(), all_of_it.json()) == ({"count": 0}, {"count": 1})
        assert delivering.deliver_due() == 1
    assert receiver.kinds == ["loan.activated"]


def test_for_a_day_both_secrets_sign(partner):
    with receiving() as receiver:
        hook = listen(partner, receiver.url)
        newer = partner.client.post(f"{HOOKS}{hook['id']}/rotate-secret/")
        partner.client.post(f"{HOOKS}{hook['id']}/test/")
        delivering.deliver_due()
        WebhookEndpoint.objects.update(old_secret_until=datetime.now(UTC))
        partner.client.post(f"{HOOKS}{hook['id']}/test/")
        delivering.deliver_due()

    (first, body), (second, later) = receiver.heard
    assert (newer.status_code, newer["Cache-Control"]) == (200, "no-store")
    for secret in (hook["secret"], newer.json()["secret"]):
        assert Webhook(secret).verify(body, first)["type"] == "webhook.test"
    assert Webhook(newer.json()["secret"]).verify(later, second)
    with pytest.raises(Exception, match="signature"):
        Webhook(hook["secret"]).verify(later, second)


def test_secrets_are_sealed_and_the_key_can_be_turned(partner, settings):
    hook = listen(partner, NOBODY)
    partner.client.post(f"{HOOKS}{hook['id']}/rotate-secret/")
    row = WebhookEndpoint.objects.get()
    assert hook["secret"].encode() not in bytes(row.sealed_secret) + bytes(row.sealed_old_secret)
    assert "secret" not in str(partner.client.get(f"{HOOKS}{hook['id']}/").json()).replace("old_secret_until", "")
    before = endpoints.secrets_of(row)

    old, new = settings.ENCRYPTION_KEY_WEBHOOKS[0], "bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0="
    settings.ENCRYPTION_KEY_WEBHOOKS = (new, old)
    call_command("turn_webhook_keys")
    settings.ENCRYPTION_KEY_WEBHOOKS = (new,)

    assert endpoints.secrets_of(WebhookEndpoint.objects.get()) == before
    settings.ENCRYPTION_KEY_WEBHOOKS = (old,)
    assert endpoints.turn_keys() == (0, 1)
    partner.client.post(f"{HOOKS}{hook['id']}/test/")
    delivering.deliver_due()
    assert WebhookDelivery.objects.get().last_fault == "secret"


def test_bad_webhooks_are_refused_and_nothing_is_stored(partner, settings):
    settings.WEBHOOK_LOOPBACK = False
    before = stored()

    bad = [("url", url) for url in ("https://127.0.0.1/", "https://10.0.0.1/", "http://[::1]:8000/", "nonsense", "")]
    bad += [("url", "https://nowhere.invalid/"), ("kinds", ["loan.lost"]), ("kinds", "loan.paid"), ("description", 7)]
    for field, value in bad:
        answer = partner.client.post(HOOKS, {"url": "https://1.1.1.1/", field: value})
        assert (field, value, answer.status_code, list(answer.json())) == (field, value, 400, [field])
    assert WebhookEndpoint.objects.count() == 0
    assert stored() == before


def test_a_bank_has_so_many_and_no_more(partner, monkeypatch):
    monkeypatch.setattr(endpoints, "ENDPOINTS_MAX", 2)
    hooks_made = [listen(partner, NOBODY) for _ in range(2)]

    assert partner.client.post(HOOKS, {"url": NOBODY}).status_code == 409
    assert partner.client.delete(f"{HOOKS}{hooks_made[0]['id']}/").status_code == 204
    assert len(partner.client.get(HOOKS).json()) == 1
    assert partner.client.post(HOOKS, {"url": NOBODY}).status_code == 201


def test_managers_do_as_keys_do_for_their_own_banks(partner, make_user, client_of):
    """And a key narrowed to lending has no say here."""
    manager, stranger = make_user(), make_user()
    other = Partner()
    partner.bank.manager = manager
    partner.bank.save()
    client = client_of(manager)

    made = client.post(HOOKS, {"url": NOBODY, "bank": str(partner.bank.pk)})
    path = f"{HOOKS}{made.json()['id']}/"

    assert (made.status_code, made.json()["bank"]) == (201, str(partner.bank.pk))
    assert client.post(HOOKS, {"url": NOBODY, "bank": str(other.bank.pk)}).status_code == 400
    assert [row["id"] for row in client.get(HOOKS).json()] == [made.json()["id"]]
    assert partner.client.get(path).status_code == 200
    assert [other.client.get(path).status_code, client_of(stranger).get(path).status_code] == [404, 404]
    assert [client_of(None).get(path).status_code, client_of(stranger).get(HOOKS).status_code] == [401, 403]
    assert Partner(partner.bank, scopes=["partner"]).client.get(path).status_code == 403
    assert Partner(partner.bank, scopes=["webhooks"]).client.get(path).status_code == 200
    assert client.get(path, HTTP_X_API_KEY="garbage").status_code == 403


def test_deliveries_are_listed_by_cursor_and_state(partner, django_assert_max_num_queries):
    hook = listen(partner, NOBODY)
    for _ in range(3):
        partner.client.post(f"{HOOKS}{hook['id']}/test/")
    WebhookDelivery.objects.filter(pk=WebhookDelivery.objects.latest("pk").pk).update(state=DeliveryState.FAILED)
    path = f"{HOOKS}{hook['id']}/deliveries/"

    with django_assert_max_num_queries(3):
        page = partner.client.get(path, {"page_size": 2, "cursor": ""}).json()
    rest = partner.client.get(path, {"page_size": 2, "cursor": page["next"]}).json()

    ids = [row["id"] for row in page["results"] + rest["results"]]
    assert ids == sorted(ids, reverse=True)
    assert (len(ids), rest["next"]) == (3, None)
    assert page["results"][0]["body"]["data"] == {"endpoint_id": hook["id"]}
    assert [row["id"] for row in deliveries(partner, hook, state="failed")] == ids[:1]
    assert partner.client.get(path, {"state": "lost"}).status_code == 400


def test_what_is_old_is_forgotten(partner):
    listen(partner, NOBODY)
    partner.active_loan("l-1", "10.00")
    partner.pay("p-1", "5.00")
    WebhookMessage.objects.filter(kind="loan.activated").update(created_at=datetime.now(UTC) - timedelta(days=31))

    assert delivering.prune() == 1
    assert list(WebhookDelivery.objects.values_list("message__kind", flat=True)) == ["payment.completed"]


def test_a_person_reads_and_takes_away_what_partners_were_told(partner, make_user):
    """What still has to be told is told."""
    person = make_user()
    customer = partner.account().customer
    customer.user = person
    customer.save()
    listen(partner, NOBODY)
    partner.active_loan("l-1", "10.00")
    partner.pay("p-1", "5.00")
    WebhookDelivery.objects.filter(message__kind="loan.activated").update(state=DeliveryState.DELIVERED)
    files = {}

    outbox.export_messages(hooks.Export(person.pk, lambda name, rows: files.update({name: list(rows)})))
    outbox.erase_messages(hooks.Erasure(person.pk, "Nobody"))

    assert [row["kind"] for row in files["banking/webhooks.json"]] == ["loan.activated", "payment.completed"]
    assert list(WebhookMessage.objects.values_list("kind", flat=True)) == ["payment.completed"]


def test_a_sender_that_died_is_made_good_and_a_late_one_has_no_say(partner):
    with receiving() as receiver:
        hook = listen(partner, receiver.url)
        partner.client.post(f"{HOOKS}{hook['id']}/test/")
        (dead,) = delivering._claim()
        assert delivering._claim() == []  # The lease holds.

        make_due()
        assert delivering.deliver_due() == 1
        delivering._settle(dead, delivering.Outcome(status=500))

        row = WebhookDelivery.objects.get()
        assert (row.state, row.attempts, len(receiver.heard)) == ("delivered", 2, 1)
