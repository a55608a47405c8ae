"""Inboxes over REST: pages, reading, the bank admins' desk (S2-R17, S2-M8, BUG-S2-25)."""

import pytest

from backend.common.unit_of_work import unit_of_work
from backend.notifications.models import Delivery, ReadMark
from backend.notifications.notices import KycDecided, KycSubmitted, SessionRevoked
from backend.notifications.services import DESK_BANK_ADMIN, inbox_of, tell

INBOX, DESK = "/api/notifications/", "/api/admin/notifications/"


def told(topic: str, *notices) -> None:
    with unit_of_work() as unit:
        for notice in notices:
            tell(unit, topics=[topic], notice=notice)


def decided(reason: str = "blurred") -> KycDecided:
    return KycDecided(kyc_status="REJECTED", reason=reason)


@pytest.mark.django_db
def test_notices_come_newest_first_page_by_page(make_user, client_of):
    user = make_user()
    told(inbox_of(user.pk), *[decided(str(number)) for number in range(25)])
    client = client_of(user)

    first = client.get(INBOX).json()
    second = client.get(INBOX, {"before": first["before"]}).json()

    assert [notice["payload"]["reason"] for notice in first["results"]] == [str(n) for n in range(24, 4, -1)]
    assert [notice["payload"]["reason"] for notice in second["results"]] == [str(n) for n in range(4, -1, -1)]
    assert (first["unread"], second["before"]) == (25, None)


@pytest.mark.django_db
def test_a_notice_has_words_for_people(make_user, client_of):
    user = make_user()
    told(inbox_of(user.pk), decided("The picture is blurred."))

    (notice,) = client_of(user).get(INBOX).json()["results"]

    assert (notice["title"], notice["priority"], notice["is_read"]) == (
        "Your verification was not successful",
        "HIGH",
        False,
    )
    assert notice["message"].startswith("The picture is blurred.")


@pytest.mark.django_db
def test_reading_counts_once_and_cancels_the_mail(make_user, client_of):
    """Issue 05: cancelled when read."""
    user = make_user()
    told(inbox_of(user.pk), decided(), decided())
    client = client_of(user)

    answers = [client.post(f"{INBOX}1/read/") for _ in range(2)]
    unread = client.get(INBOX, {"is_read": "false"}).json()["results"]

    assert [answer.json() for answer in answers] == [{"unread": 1}] * 2
    assert [notice["id"] for notice in unread] == [2]
    assert list(Delivery.objects.order_by("seq").values_list("state", flat=True)) == ["CANCELLED", "PENDING"]


@pytest.mark.django_db
def test_all_can_be_read_at_once(make_user, client_of):
    user = make_user()
    told(inbox_of(user.pk), *[decided() for _ in range(3)])
    client = client_of(user)
    client.post(f"{INBOX}2/read/")

    assert client.post(f"{INBOX}read/").json() == {"unread": 0}
    assert ReadMark.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize("number", [0, 2, 10**12])
def test_what_does_not_exist_cannot_be_read(make_user, client_of, number):
    user, other = make_user(), make_user()
    told(inbox_of(user.pk), decided())
    told(inbox_of(other.pk), decided(), decided())

    answer = client_of(user).post(f"{INBOX}{number}/read/")

    assert answer.status_code == 404
    assert ReadMark.objects.count() == 0


@pytest.mark.django_db
def test_the_desk_has_one_copy_and_each_reader_their_own_marks(make_user, client_of):
    """BUG-S2-25; S2-R17's shape."""
    submitted = KycSubmitted(case_id=1, user_id=7, user="Ana", document_type="PASSPORT")
    told(DESK_BANK_ADMIN, submitted, SessionRevoked(session_id="s", reason="x"))
    one, other = (client_of(make_user("BANK_ADMIN")) for _ in range(2))

    one.post(f"{DESK}1/read/")
    mine = one.get(DESK, {"notification_type": "KYC_UPLOAD"}).json()
    theirs = other.get(DESK, {"is_read": "true"}).json()

    assert mine["results"][0] == {
        "id": 1,
        "notification_type": "KYC_UPLOAD",
        "kind": "kyc.submitted",
        "title": "A document to review",
        "message": "Ana has sent a passport.",
        "priority": "NORMAL",
        "payload": submitted.payload(),
        "is_read": True,
        "created_at": mine["results"][0]["created_at"],
    }
    assert theirs["results"] == []


@pytest.mark.django_db
def test_the_desk_is_for_bank_admins(make_user, client_of):
    assert client_of(make_user("AUDITOR", is_staff=True)).get(DESK).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("query", [{"before": "x"}, {"before": "-1"}, {"is_read": "maybe"}])
def test_a_query_that_makes_no_sense_is_400(make_user, client_of, query):
    assert client_of(make_user()).get(INBOX, query).status_code == 400


@pytest.mark.django_db
def test_erasing_a_person_leaves_no_marks_and_no_mail(make_user, client_of):
    user = make_user()
    told(inbox_of(user.pk), decided())
    client = client_of(user)
    client.post(f"{INBOX}1/read/")

    client.delete("/api/user/me/")

    assert (ReadMark.objects.count(), Delivery.objects.count()) == (0, 0)
