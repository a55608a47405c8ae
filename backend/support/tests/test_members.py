"""A supervisor or second agent in a chat, by guardian grant: let in, seen, heard, and out again at once."""

import asyncio

import pytest
from guardian.models import GroupObjectPermission, UserObjectPermission

from backend.identity.principals import principal_of
from backend.identity.services import roles
from backend.support.models import ChatGrant
from backend.support.services import chats, members
from backend.support.tests.factories import (
    desk_of,
    everything_stored,
    kinds_in,
    make_talk,
    payloads_in,
    states_in,
    token_of,
)
from backend.support.tests.wire import close_code_of, wire
from backend.tests.servers import Server
from bench.client import call


def _members(talk, user=None):
    return f"/api/chats/{talk.id}/members/" + (f"{user.pk}/" if user else "")


def _let_in(talk, user):
    return members.add_member(actor=principal_of(talk.agent), chat_id=talk.id, user_id=user.pk)


@pytest.mark.django_db
def test_a_second_agent_reads_speaks_and_sees_notes(make_user, client_of):
    talk = make_talk(make_user)
    sue = make_user("SUPPORT_AGENT", first_name="Sue")
    ben, second = client_of(talk.agent), client_of(sue)
    assert second.get(f"/api/chats/{talk.id}/").status_code == 404

    made = ben.post(_members(talk), {"user": sue.pk}, format="json")
    again = ben.post(_members(talk), {"user": sue.pk}, format="json")
    said = second.post(f"/api/chats/{talk.id}/messages/", {"message": "I am Sue"}, format="json")
    note = second.post(f"/api/chats/{talk.id}/notes/", {"message": "n"}, format="json")

    assert (made.status_code, made.json(), again.json()) == (201, {"user_id": sue.pk, "user": "Sue"}, made.json())
    assert (said.status_code, note.status_code) == (201, 201)
    assert payloads_in(talk.topic)[-1][1]["role"] == "agent"
    assert states_in(desk_of(talk)) == ["member_joined"]
    assert payloads_in(desk_of(talk))[0][1]["message"] == "Ben let in Sue."
    assert kinds_in(f"user.{sue.pk}") == ["chat.shared"]
    assert second.get(_members(talk)).json() == [made.json()]
    assert second.get("/api/chats/chat/").json() == []  # A grant opens a door; lists are of one's own.
    assert not UserObjectPermission.objects.exists()
    assert not GroupObjectPermission.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "who", "status"),
    [
        ("nobody", None, 422),
        ("a customer", "stranger", 422),
        ("the chat's customer", "customer", 422),
        ("its agent", "agent", 422),
        ("a blocked agent", "blocked", 422),
        ("a supervisor", "staff", 201),
        ("a superuser", "superuser", 201),
    ],
)
def test_who_can_be_let_in(make_user, client_of, _case, who, status):
    talk = make_talk(make_user)
    people = {
        "stranger": make_user(),
        "customer": talk.customer,
        "agent": talk.agent,
        "blocked": make_user("SUPPORT_AGENT", is_active=False),
        "staff": make_user(is_staff=True),
        "superuser": make_user(is_staff=True, is_superuser=True),
    }
    user_id = people[who].pk if who else 10**9
    client, before = client_of(talk.agent), everything_stored()

    answer = client.post(_members(talk), {"user": user_id}, format="json")

    assert answer.status_code == status
    assert ChatGrant.objects.count() == int(status == 201)
    assert (everything_stored() == before) == (status != 201)


@pytest.mark.django_db
def test_only_its_agent_or_a_superuser_lets_people_in(make_user, client_of):
    talk = make_talk(make_user)
    sue, boss, other = (
        make_user("SUPPORT_AGENT"),
        make_user(is_superuser=True, is_staff=True),
        make_user("SUPPORT_AGENT"),
    )
    _let_in(talk, sue)

    by_member = client_of(sue).post(_members(talk), {"user": other.pk}, format="json")
    by_boss = client_of(boss).post(_members(talk), {"user": other.pk}, format="json")
    boss_reads = client_of(boss).get(f"/api/chats/{talk.id}/messages/")

    assert (by_member.status_code, by_boss.status_code, boss_reads.status_code) == (404, 201, 404)


@pytest.mark.django_db
def test_a_withdrawn_grant_shuts_every_door_and_a_member_may_leave(make_user, client_of):
    talk = make_talk(make_user)
    sue, sam = make_user("SUPPORT_AGENT", first_name="Sue"), make_user(is_staff=True, first_name="Sam")
    _let_in(talk, sue)
    _let_in(talk, sam)
    second = client_of(sue)

    removed = client_of(talk.agent).delete(_members(talk, sue))
    again = client_of(talk.agent).delete(_members(talk, sue))
    left = client_of(sam).delete(_members(talk, sam))

    assert [answer.status_code for answer in (removed, again, left)] == [204, 404, 204]
    assert second.get(f"/api/chats/{talk.id}/messages/").status_code == 404
    assert second.post(f"/api/chats/{talk.id}/messages/", {"message": "x"}, format="json").status_code == 404
    words = [payload["message"] for _, payload in payloads_in(desk_of(talk))]
    assert words[2:] == ["Ben removed Sue.", "Sam left the chat."]


@pytest.mark.django_db
def test_who_is_no_agent_any_more_has_no_grants_and_a_lost_flag_shuts_the_door(make_user, client_of):
    talk = make_talk(make_user)
    sue, sam = make_user("SUPPORT_AGENT"), make_user(is_staff=True)
    _let_in(talk, sue)
    _let_in(talk, sam)

    roles.withdraw_role(user=sue, name="SUPPORT_AGENT", withdrawn_by=None)
    type(sam).objects.filter(pk=sam.pk).update(is_staff=False)

    assert list(ChatGrant.objects.values_list("user", flat=True)) == [sam.pk]
    assert client_of(sam).get(f"/api/chats/{talk.id}/messages/").status_code == 404


@pytest.mark.django_db
def test_a_chat_has_room_for_ten_more(make_user, client_of, monkeypatch):
    monkeypatch.setattr(members, "MEMBERS_MAX", 1)
    talk = make_talk(make_user)
    _let_in(talk, make_user("SUPPORT_AGENT"))

    answer = client_of(talk.agent).post(_members(talk), {"user": make_user("SUPPORT_AGENT").pk}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (422, "member.too_many")


@pytest.mark.server
def test_a_withdrawn_grant_closes_the_open_socket_also_on_another_process(live, talk, make_user, tmp_path):
    """E-S1-22, design section 3: with effect on open sockets, under a second, wherever they are."""
    sue = make_user("SUPPORT_AGENT", first_name="Sue")
    _let_in(talk, sue)
    sue_token = token_of(sue)
    other = Server(live.database, folder=tmp_path)

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(other, talk.id, sue_token) as far:
            await ana.array()
            history = await far.array()
            await far.say("I am Sue")
            said = await ana.get("message")
            seen = [frame for frame in ana.of("presence") if frame["user_id"] == sue.pk]
            status, _ = await asyncio.to_thread(
                call, live.base_url, "DELETE", _members(talk, sue), None, talk.agent_token
            )
            async with asyncio.timeout(1):
                code = await far.closed()
            again = await close_code_of(other, talk.id, sue_token)
            return history, said, seen, status, code, again, ana.seen

    with other.running():
        history, said, seen, status, code, again, customers = asyncio.run(play())
    assert [event["message"] for event in history if event["type"] == "note"] == ["Ben let in Sue."]
    assert (said["role"], said["user"]) == ("agent", "Sue")
    assert [(frame["user"], frame["state"]) for frame in seen] == [("Sue", "online")]
    assert (status, code, again) == (204, 4006, 4006)
    assert "note" not in str(customers)


@pytest.mark.server
def test_a_member_who_joins_by_socket_takes_nothing_over(live, talk, make_user):
    sam = make_user(is_staff=True, first_name="Sam")
    _let_in(talk, sam)
    sam_token = token_of(sam)

    async def play():
        async with wire(live, talk.id, sam_token) as supervisor:
            return await supervisor.array()

    assert len(asyncio.run(play())) == 3
    talk.chat.refresh_from_db()
    assert talk.chat.admin_id == talk.agent.pk
    chats.close_chat(actor=principal_of(talk.agent), chat_id=talk.id)
