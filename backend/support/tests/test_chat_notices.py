"""Who is told that a chat is queued, assigned or closed, on the notifications' socket."""

import asyncio

import pytest

from backend.identity.principals import principal_of
from backend.identity.tests.notifying import ear, facts_of
from backend.notifications.services import inbox_of
from backend.support.services import chats

pytestmark = pytest.mark.server


def test_a_chat_that_is_queued_taken_and_closed_is_told_to_the_right_people(live, make_user, token_of):
    """The desk hears everything, the agent of the assignment too, the customer of the end."""
    agent, customer = make_user("SUPPORT_AGENT", first_name="Ben"), make_user(first_name="Ana")
    colleague = make_user("SUPPORT_AGENT")

    def act():
        chat = chats.get_or_open_chat(actor=principal_of(customer))
        chats.take_chat(actor=principal_of(agent), chat_id=chat.pk)
        chats.close_chat(actor=principal_of(agent), chat_id=chat.pk)
        return str(chat.pk)

    colleague_token = token_of(colleague)
    agent_token = token_of(agent)
    customer_token = token_of(customer)

    async def play():
        async with (
            ear(live, colleague_token) as bystander,
            ear(live, agent_token) as taker,
            ear(live, customer_token) as opener,
        ):
            await asyncio.gather(bystander.array(), taker.array(), opener.array())
            chat_id = await asyncio.to_thread(act)
            heard = [[await one.next() for _ in range(n)] for one, n in ((bystander, 3), (taker, 4), (opener, 1))]
            return chat_id, heard

    chat_id, (to_desk, to_agent, to_customer) = asyncio.run(play())
    about = {"chat_id": chat_id, "customer_id": customer.pk, "customer": "Ana"}
    queued = ("desk.support", "chat.queued", about)
    assigned = ("desk.support", "chat.assigned", {**about, "agent_id": agent.pk})
    closed = ("desk.support", "chat.closed", {"chat_id": chat_id, "closed_by": agent.pk})
    assert facts_of(to_desk) == [queued, assigned, closed]
    own = [fact for fact in facts_of(to_agent) if fact[0] != "desk.support"]
    assert own == [(inbox_of(agent.pk), *assigned[1:])]
    assert facts_of(to_customer) == [(inbox_of(customer.pk), *closed[1:])]
