"""`/api/chats/<uuid>/transcript/`: what was said, to keep or to print."""

import uuid

import orjson
import pypdfium2
import pytest

from backend.audit.models import AuditLog
from backend.common import drawing
from backend.common.unit_of_work import Draft
from backend.identity.principals import principal_of
from backend.realtime.services import append
from backend.support.frames import MESSAGE, event_id
from backend.support.services import chats, edits, notes, transcripts
from backend.support.tests.factories import make_talk, store_messages

MARKUP = "<b>x</b> **y** [z](http://z)"
TEXTS = [
    "Good morning",
    "Καλημέρα",
    "Добрый день",
    "مرحبا",
    "你好 😀 👍🏽",
    MARKUP,
    "a\n\tb\u202e c",
]


@pytest.fixture
def here(make_user):
    return make_talk(make_user)


def _url(talk, query=""):
    return f"/api/chats/{talk.id}/transcript/{query}"


def _read(response):
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content)


def _lines(client, talk, query=""):
    return orjson.loads(_read(client.get(_url(talk, query))))["lines"]


def _text_of(pdf):
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def _changing(talk, seq):
    return {"actor": principal_of(talk.customer), "chat_id": talk.id, "message_id": uuid.UUID(event_id(talk.id, seq))}


def _note(talk, text):
    notes.add_note(actor=principal_of(talk.agent), chat_id=talk.id, text=text)


@pytest.mark.django_db
def test_json_has_everything_in_order_with_both_times(here, client_of):
    store_messages(here, "first", "second", "taken back")
    edits.edit_message(**_changing(here, 4), text="second, corrected")
    edits.withdraw_message(**_changing(here, 5))
    attached = {"user": "Ana", "user_id": here.customer.pk, "role": "customer", "message": "see"}
    attached["attachments"] = [{"name": "a.pdf", "size": 5}]
    append([Draft(here.topic, MESSAGE, attached, author_id=here.customer.pk)])
    _note(here, "a secret")

    for user in (here.customer, here.agent):
        lines = _lines(client_of(user), here, "?tz=Asia/Kolkata")
        assert [(line["type"], line["message"], line["withdrawn"]) for line in lines] == [
            ("chat", "Ana opened the chat.", False),
            ("chat", "Ben joined the chat.", False),
            ("message", "first", False),
            ("message", "second, corrected", False),
            ("message", "", True),
            ("chat", "Ana edited a message.", False),
            ("chat", "Ana withdrew a message.", False),
            ("message", "see", False),
        ]
        assert (lines[2]["edited_at"], lines[7]["attachments"]) == (None, ["a.pdf"])
        assert lines[3]["edited_at"] is not None
        assert (lines[2]["timestamp"][-1], lines[2]["local_time"][-6:]) == ("Z", "+05:30")
    assert _lines(client_of(here.customer), here)[2]["local_time"] is None


@pytest.mark.django_db
def test_notes_are_for_who_answers(here, client_of):
    _note(here, "a secret")
    store_messages(here, "a word")

    noted = _lines(client_of(here.agent), here, "?notes=true")
    assert [(line["type"], line["message"]) for line in noted][2:] == [("note", "a secret"), ("message", "a word")]
    refused = client_of(here.customer).get(_url(here, "?notes=true"))
    assert refused.status_code == 403
    assert AuditLog.objects.filter(action="transcript.exported").count() == 1


@pytest.mark.django_db
def test_a_pdf_reads_in_many_scripts(make_user, client_of):
    here = make_talk(make_user)
    here.customer.first_name = "Ελένη Жанна 😀"
    here.customer.save()
    store_messages(here, *TEXTS)
    edits.withdraw_message(**_changing(here, 3))

    _note(here, "a secret")

    query = "?format=pdf&notes=true&tz=Europe/Athens"
    response = client_of(here.agent).get(_url(here, query), HTTP_ACCEPT="application/pdf")
    pdf = _read(response)
    assert (response["Content-Type"], pdf[:5]) == ("application/pdf", b"%PDF-")
    assert f'attachment; filename="chat-{here.id}.pdf"' == response["Content-Disposition"]
    text = _text_of(pdf)
    for said in ("Ελένη Жанна", "[withdrawn]", "Καλημέρα", "Добрый день", MARKUP, "UTC)", "a secret", "□□ 😀"):
        assert said in text, said
    assert "Good morning" not in text
    row = AuditLog.objects.get(action="transcript.exported")
    assert (row.actor_id, row.target_id) == (here.agent.pk, str(here.id))
    assert row.facts == {"format": "pdf", "notes": True}


@pytest.mark.django_db
def test_it_is_read_page_by_page_and_a_pdf_has_a_limit(here, client_of, monkeypatch):
    store_messages(here, *[f"number {number}" for number in range(30)])
    monkeypatch.setattr(transcripts, "PAGE", 7)
    lines = _lines(client_of(here.customer), here)
    assert [line["seq"] for line in lines] == list(range(1, 33))

    monkeypatch.setattr(transcripts, "PDF_LINES_MAX", 31)
    refused = client_of(here.customer).get(_url(here, "?format=pdf"))
    assert (refused.status_code, refused.json()["code"]) == (422, "transcript.too_long")
    monkeypatch.setattr(transcripts, "PDF_LINES_MAX", 32)
    monkeypatch.setattr(transcripts, "PDF_CHARACTERS_MAX", 200)
    assert client_of(here.customer).get(_url(here, "?format=pdf")).status_code == 422


@pytest.mark.django_db
def test_what_comes_while_it_is_read_is_not_in_it(here):
    store_messages(here, "before")
    found = transcripts.export_transcript(
        actor=principal_of(here.agent), chat_id=here.id, form="json", notes=False, zone=None
    )
    lines = found.lines()
    next(lines)
    store_messages(here, "after")
    assert [line.text for line in lines] == ["Ben joined the chat.", "before"]


@pytest.mark.django_db
def test_nobody_else_exports_and_a_refusal_leaves_no_trace(here, client_of, make_user):
    other = make_talk(make_user)
    for user in (make_user(), make_user("SUPPORT_AGENT"), make_user(is_staff=True, is_superuser=True), other.agent):
        assert client_of(user).get(_url(here)).status_code == 404
    client = client_of(here.customer)
    for query in ("?format=html", "?tz=Mars/Base", "?tz=../etc/passwd", "?notes=perhaps"):
        assert client.get(_url(here, query)).status_code == 400
    assert not AuditLog.objects.filter(action="transcript.exported").exists()


@pytest.mark.django_db
def test_when_too_many_are_being_drawn_the_next_one_hears_so(here, client_of, monkeypatch):
    monkeypatch.setattr(drawing, "WAIT_S", 0.01)
    for _ in range(drawing.AT_ONCE):
        drawing._drawing.acquire()
    try:
        assert client_of(here.customer).get(_url(here, "?format=pdf")).status_code == 503
    finally:
        for _ in range(drawing.AT_ONCE):
            drawing._drawing.release()


@pytest.mark.django_db
def test_a_closed_chat_is_exported_with_its_end(here, client_of):
    chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)
    lines = _lines(client_of(here.customer), here)
    assert lines[-1]["message"] == "Ben closed the chat."
