"""What is done to a chat leaves rows in the trail, also where the access table's chat gives nothing to do (K-71)."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.audit.models import AuditLog
from backend.support.models import Label


@pytest.mark.django_db
def test_each_change_of_a_chat_has_its_row(make_user, client_of):
    ana, agent, colleague = make_user(), make_user("SUPPORT_AGENT"), make_user("SUPPORT_AGENT")
    customer, desk = client_of(ana), client_of(agent)
    Label.objects.create(name="card", colour="#aa0000")
    chat = f"/api/chats/{customer.post('/api/chats/get-or-create/').json()['chat_id']}/"
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    steps = [
        (desk, "post", f"{chat}take/", None, "chat.taken"),
        (desk, "put", f"{chat}labels/", {"labels": ["card"]}, "chat.labelled"),
        (desk, "post", f"{chat}snooze/", {"until": later}, "chat.snoozed"),
        (desk, "delete", f"{chat}snooze/", None, "chat.snoozed"),
        (desk, "post", f"{chat}members/", {"user": colleague.pk}, "chat.member_added"),
        (desk, "delete", f"{chat}members/{colleague.pk}/", None, "chat.member_removed"),
        (desk, "put", "/api/chats/availability/", {"is_switched_on": False}, "agent.availability_changed"),
        (desk, "post", f"{chat}close/", None, "chat.closed"),
        (customer, "post", f"{chat}rating/", {"stars": 5}, "chat.rated"),
        (customer, "post", f"{chat}reopen/", None, "chat.reopened"),
    ]
    for client, method, path, body, action in steps:
        last = AuditLog.objects.values_list("pk", flat=True).first()
        answer = getattr(client, method)(path, body, format="json")
        assert answer.status_code < 300, (path, answer.content)
        assert action in AuditLog.objects.filter(pk__gt=last).values_list("action", flat=True), path
