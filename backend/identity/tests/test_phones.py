"""Phones that take pushes: whose they are, and what the trail says of it (K-71)."""

import pytest

from backend.audit.models import AuditLog
from backend.notifications.models import PushDevice
from backend.tests.commits import in_parallel

DEVICES = "/api/notifications/devices/"
TOKEN = "ExponentPushToken[abc]"


def trail():
    rows = AuditLog.objects.filter(action__startswith="push_device.").order_by("id")
    return [(row.action, row.actor_id, row.subject_id) for row in rows]


@pytest.mark.django_db
def test_a_phone_is_recorded_once_however_often_it_is_named(make_user, client_of):
    user = make_user()
    client = client_of(user)

    answers = [client.post(DEVICES, {"token": TOKEN}).status_code for _ in range(2)]
    answers += [client.delete(f"{DEVICES}?token={TOKEN}").status_code for _ in range(2)]

    assert answers == [204] * 4
    assert trail() == [("push_device.added", user.pk, user.pk), ("push_device.removed", user.pk, user.pk)]
    assert not any(TOKEN in str(facts) for facts in AuditLog.objects.values_list("facts", flat=True))


@pytest.mark.django_db
def test_a_phone_that_changed_hands_is_recorded_for_both(make_user, client_of):
    former, present = make_user(), make_user()
    client_of(former).post(DEVICES, {"token": TOKEN})

    client_of(present).post(DEVICES, {"token": TOKEN})

    assert PushDevice.objects.get().user_id == present.pk
    assert trail()[1:] == [
        ("push_device.added", present.pk, present.pk),
        ("push_device.removed", present.pk, former.pk),
    ]


@pytest.mark.django_db
def test_another_ones_phone_and_a_bad_token_change_nothing(make_user, client_of):
    owner, stranger = make_user(), make_user()
    client_of(owner).post(DEVICES, {"token": TOKEN})
    before = trail()

    gone = client_of(stranger).delete(f"{DEVICES}?token={TOKEN}")
    refused = client_of(stranger).post(DEVICES, {"token": "nonsense"})

    assert (gone.status_code, refused.status_code) == (204, 422)
    assert (PushDevice.objects.get().user_id, trail()) == (owner.pk, before)


@pytest.mark.django_db
def test_the_oldest_beyond_ten_is_forgotten(make_user, client_of):
    client = client_of(make_user())

    for number in range(11):
        client.post(DEVICES, {"token": f"ExponentPushToken[{number}]"})

    assert PushDevice.objects.count() == 10
    assert not PushDevice.objects.filter(token="ExponentPushToken[0]").exists()
    assert AuditLog.objects.order_by("-id")[0].facts["forgotten"] == 1


@pytest.mark.usefixtures("committed")
def test_one_phone_named_by_many_at_once_has_one_owner_and_one_row(make_user, client_of):
    clients = [client_of(make_user()) for _ in range(4)]

    statuses = in_parallel(*(lambda client=client: client.post(DEVICES, {"token": TOKEN}) for client in clients))

    assert [answer.status_code for answer in statuses] == [204] * 4
    assert PushDevice.objects.count() == 1
    assert [action for action, *_ in trail()].count("push_device.added") == 4
