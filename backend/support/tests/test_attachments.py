"""Files in chats: taken by their content, carried by one message, fetched by members only, gone with their owner."""

import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from backend.audit.models import AuditLog
from backend.common import hooks
from backend.common.models import StoredFile
from backend.common.tests.made_files import archive, pdf, picture, png_of, png_of_size
from backend.identity.principals import principal_of
from backend.identity.services import erasures
from backend.support.errors import ChatClosed
from backend.support.frames import said
from backend.support.models import Attachment
from backend.support.services import attachments, chats, messages
from backend.support.tests.factories import head_of, make_talk, payloads_in, texts_in
from backend.support.tests.files import files_of_test, send_form, upload
from backend.tests.frames import check_frame

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def storage(tmp_path, settings):
    """A storage of the test's own."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "media")},
        },
    }
    settings.VAULT_SPOOL = tmp_path / "incoming"
    return tmp_path


@pytest.fixture
def here(make_user):
    return make_talk(make_user)


@pytest.fixture
def ana(here, client_of):
    return client_of(here.customer)


@pytest.fixture
def ben(here, client_of):
    return client_of(here.agent)


def address(talk, attachment_id) -> str:
    return f"/api/chats/{talk.id}/attachments/{attachment_id}/"


def say(client, talk, **fields):
    return client.post(f"/api/chats/{talk.id}/messages/", fields)


def body_of(response) -> bytes:
    return b"".join(response.streaming_content)


def nothing_is_left() -> bool:
    return not files_of_test() and not StoredFile.objects.exists() and not Attachment.objects.exists()


# Uploading


@pytest.mark.parametrize(
    ("content", "name", "content_type", "size"),
    [
        (picture(), "card.png", "image/png", (60, 40)),
        (picture("JPEG"), "card.jpeg", "image/jpeg", (60, 40)),
        (pdf(), "letter.PDF", "application/pdf", (None, None)),
    ],
)
def test_a_picture_or_pdf_is_taken_and_lies_sealed(here, ana, content, name, content_type, size):
    response = send_form(ana, here.chat, content, name)

    answer = response.json()
    assert response.status_code == 201
    stored = Attachment.objects.select_related("file").get()
    expected = {"id": str(stored.pk), "name": name, "content_type": content_type, "size": len(content)}
    assert {key: answer[key] for key in expected} == expected
    assert (answer.get("width"), answer.get("height")) == size
    assert answer["sha256"] == stored.file.sha256
    assert stored.file.owner_id == here.customer.pk
    (path,) = files_of_test()
    assert content not in path.read_bytes()
    assert AuditLog.objects.filter(action="chat.attachment_uploaded", actor_id=here.customer.pk).count() == 1


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "empty.png"),
        (b"\x7fELF" + bytes(100), "card.png"),
        (b"MZ" + bytes(100), "setup.exe"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "drawing.svg"),
        (b"<html></html>", "page.pdf"),
        (picture("JPEG"), "card.png"),
        (picture() + archive(), "card.png"),
        (picture()[:-20], "card.png"),
        (png_of(60_000, 60_000), "card.png"),
        (pdf(b"3 0 obj\n<< /S /JavaScript /JS (x) >>\nendobj\n"), "letter.pdf"),
    ],
)
def test_a_file_is_judged_by_its_bytes_and_a_refused_one_leaves_nothing(here, ana, content, name):
    response = send_form(ana, here.chat, content, name)

    assert response.status_code == 400
    assert list(response.json()) == ["file"]
    assert nothing_is_left()
    assert not AuditLog.objects.filter(action="chat.attachment_uploaded").exists()


def test_ten_megabytes_are_taken_and_one_byte_more_is_not(here, ana):
    assert send_form(ana, here.chat, png_of_size(attachments.SIZE_MAX + 1)).status_code == 413
    assert nothing_is_left()
    assert send_form(ana, here.chat, png_of_size(attachments.SIZE_MAX)).status_code == 201


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/card.png", "card.png"),
        ("C:\\scans\\card.png", "card.png"),
        ("Überweisung 😀.png", "Überweisung 😀.png"),
        ("a" * 300 + ".png", "a" * 116 + ".png"),
        ("invoice\u202egnp.png", "invoicegnp.png"),
    ],
)
def test_names_are_only_names_and_come_back_as_they_are(here, ana, given, kept):
    answer = send_form(ana, here.chat, picture(), given).json()

    header = ana.get(address(here, answer["id"]))["Content-Disposition"]
    assert answer["name"] == kept
    assert header == f'attachment; filename="{kept}"' or header == f"attachment; filename*=utf-8''{quote(kept)}"


def test_a_form_must_be_whole_and_have_one_file_in_its_field(here, ana):
    url = f"/api/chats/{here.id}/attachments/"
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="card.png"\r\n\r\n'
    form = "multipart/form-data; boundary=x"
    whole = head + picture() + b"\r\n--x--\r\n"

    assert ana.generic("POST", url, whole[:-8], form).status_code == 400
    assert ana.generic("POST", url, whole[: len(whole) // 2], form).status_code == 400
    assert ana.generic("POST", url, whole.replace(b"--x--", whole), form).status_code == 400
    assert ana.generic("POST", url, whole, "multipart/form-data").status_code == 400
    assert ana.generic("POST", url, b"", form).status_code == 400
    assert ana.post(url, {"file": "no file"}, format="multipart").status_code == 400
    assert ana.post(url, {"file": "no form"}).status_code == 415
    assert send_form(ana, here.chat, picture(), field="document").json() == {
        "document": ["Send one file, in the field `file`."]
    }
    assert nothing_is_left()
    assert ana.generic("POST", url, whole, form).status_code == 201


def test_a_cookie_needs_its_csrf_token_and_the_check_reads_no_body(here, token_of):
    client = APIClient(enforce_csrf_checks=True)
    client.cookies["accessToken"] = token_of(here.customer)
    assert send_form(client, here.chat, picture()).status_code == 403
    assert nothing_is_left()

    client.cookies["csrftoken"] = "a" * 32
    client.credentials(HTTP_X_CSRFTOKEN="a" * 32)
    assert send_form(client, here.chat, picture()).status_code == 201


def test_only_members_of_an_open_chat_upload(here, ana, ben, client_of, make_user):
    stranger = client_of(make_user())
    assert send_form(stranger, here.chat, picture()).status_code == 404

    chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)

    assert send_form(ana, here.chat, picture()).status_code == 409
    assert send_form(ben, here.chat, picture()).json()["code"] == "chat.closed"
    assert nothing_is_left()


def test_a_chat_that_closes_while_the_file_arrives_takes_it_no_more(here, monkeypatch):
    """The door was passed; the chat is closed before the file is complete."""
    real = attachments.content.check

    def check_slowly(*args, **kwargs):
        chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)
        return real(*args, **kwargs)

    monkeypatch.setattr(attachments.content, "check", check_slowly)
    with pytest.raises(ChatClosed):
        upload(here.chat, here.customer)

    assert nothing_is_left()


def test_a_failing_storage_is_told_and_leaves_nothing_that_counts(here, ana, storage):
    (storage / "media").write_text("a file where the folder should be")

    response = send_form(ana, here.chat, picture())

    assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
    assert response["Retry-After"]
    assert not Attachment.objects.exists()
    assert not StoredFile.objects.exclude(kept_at=None).exists()
    (storage / "media").unlink()
    assert send_form(ana, here.chat, picture()).status_code == 201


def test_what_waits_to_be_sent_is_bounded(here, ana, monkeypatch):
    monkeypatch.setattr(attachments, "WAITING_MAX", 2)
    upload(here.chat, here.customer)
    upload(here.chat, here.agent)
    waiting = upload(here.chat, here.customer)

    assert send_form(ana, here.chat, picture()).json()["code"] == "attachment.too_many_waiting"
    assert say(ana, here, attachments=[str(waiting.pk)]).status_code == 201
    assert send_form(ana, here.chat, picture()).status_code == 201


# Sending


def test_a_message_carries_files_and_shows_them_to_everybody(here, ana, ben):
    first, second = upload(here.chat, here.customer), upload(here.chat, here.customer, "letter.pdf", pdf())

    response = say(ana, here, message="my card", attachments=[str(second.pk), str(first.pk)])

    assert response.status_code == 201
    frame = ben.get(f"/api/chats/{here.id}/messages/").json()["results"][-1]
    check_frame(frame)
    assert frame["attachments"] == [
        {"id": str(second.pk), "name": "letter.pdf", "content_type": "application/pdf", "size": len(pdf())},
        {
            "id": str(first.pk),
            "name": "card.png",
            "content_type": "image/png",
            "size": len(picture()),
            "width": 60,
            "height": 40,
        },
    ]
    assert set(Attachment.objects.values_list("seq", flat=True)) == {response.json()["seq"]}


def test_a_message_may_be_nothing_but_files(here, ana):
    frame_of = {"attachments": [str(upload(here.chat, here.customer).pk)]}

    assert say(ana, here, **frame_of).status_code == 201
    assert texts_in(here.topic) == [""]
    check_frame(ana.get(f"/api/chats/{here.id}/messages/").json()["results"][-1])
    assert say(ana, here, attachments=[]).status_code == 400
    assert say(ana, here, message="   ").status_code == 400


@pytest.mark.parametrize("given", ["x", ["x"], [1], {}, ["%s"] * 2, [str(uuid.uuid4()) for _ in range(6)]])
def test_a_list_of_attachments_is_at_most_five_different_ids(here, ana, given):
    known = str(upload(here.chat, here.customer).pk)
    given = [known if each == "%s" else each for each in given] if isinstance(given, list) else given

    response = say(ana, here, message="hi", attachments=given)

    assert (response.status_code, list(response.json())) == (400, ["attachments"])
    assert texts_in(here.topic) == []


def test_only_one_s_own_files_of_this_chat_can_be_sent_and_only_once(here, ana, ben, make_user):
    elsewhere = make_talk(make_user)
    mine, hers = upload(here.chat, here.agent), upload(here.chat, here.customer)
    foreign = upload(elsewhere.chat, elsewhere.customer)
    head = head_of(here.topic)

    for wrong in (hers.pk, foreign.pk, uuid.uuid4()):
        refused = say(ben, here, message="look", attachments=[str(mine.pk), str(wrong)])
        assert (refused.status_code, refused.json()["code"]) == (404, "attachment.unknown")
    assert head_of(here.topic) == head
    assert not Attachment.objects.exclude(seq=None).exists()

    assert say(ben, here, message="look", attachments=[str(mine.pk)]).status_code == 201
    again = say(ben, here, message="look", attachments=[str(mine.pk)])
    assert (again.status_code, again.json()["code"]) == (409, "attachment.sent")
    assert head_of(here.topic) == head + 1


def test_a_repeat_is_the_same_message_and_one_with_other_files_is_not(here, ana):
    first, second = upload(here.chat, here.customer), upload(here.chat, here.customer)
    fields = {"message": "hi", "client_id": "c", "attachments": [str(first.pk)]}
    sent = say(ana, here, **fields)

    again = say(ana, here, **fields)

    assert (again.status_code, again.json()) == (200, {**sent.json(), "duplicate": True})
    for other in ([str(second.pk)], []):
        conflict = say(ana, here, **{**fields, "attachments": other})
        assert (conflict.status_code, conflict.json()["code"]) == (409, "client_id_conflict")
    second.refresh_from_db()
    assert second.seq is None
    assert texts_in(here.topic) == ["hi"]


def test_in_a_batch_one_message_that_cannot_carry_its_file_takes_no_other_with_it(here):
    """As the socket's group committer stores them: in order, in one transaction."""
    author = principal_of(here.customer)
    mine, agents = upload(here.chat, here.customer), upload(here.chat, here.agent)

    def message(text, *files):
        fields = {"message": text, "attachments": [str(file.pk) for file in files]}
        return said(fields, chat_id=here.id, author=author, role="customer")

    outcomes = messages.store_messages(
        [message("1"), message("2", mine), message("3", agents), message("4", mine), message("5")]
    )

    assert [outcome.refusal for outcome in outcomes] == [None, None, "attachment", "attachment_sent", None]
    assert texts_in(here.topic) == ["1", "2", "5"]
    assert [len(payload["attachments"]) for kind, payload in payloads_in(here.topic) if kind == "message"] == [0, 1, 0]


def test_messages_without_files_cost_no_statement_more(here, ana, django_assert_num_queries):
    """The statement that stores is the only one, whether or not there are attachments in the chat."""
    upload(here.chat, here.customer)
    message = said({"message": "hi"}, chat_id=here.id, author=principal_of(here.customer), role="customer")
    messages.store_messages([message])

    with django_assert_num_queries(1):
        messages.store_messages([message])


def test_a_closed_chat_refuses_the_message_and_its_file_waits_on(here, ana):
    waiting = upload(here.chat, here.customer)
    chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)

    assert say(ana, here, attachments=[str(waiting.pk)]).json()["code"] == "chat.closed"
    waiting.refresh_from_db()
    assert waiting.seq is None


# Fetching


def test_members_fetch_what_was_sent_and_only_its_uploader_what_was_not(here, ana, ben, client_of, make_user):
    stranger, elsewhere = client_of(make_user()), make_talk(make_user)
    attachment = upload(here.chat, here.customer)

    assert ben.get(address(here, attachment.pk)).status_code == 404
    assert body_of(ana.get(address(here, attachment.pk))) == picture()
    say(ana, here, attachments=[str(attachment.pk)])

    response = ben.get(address(here, attachment.pk))
    assert body_of(response) == picture()
    expected = {
        "Content-Type": "image/png",
        "Content-Length": str(len(picture())),
        "Content-Disposition": 'attachment; filename="card.png"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    assert {name: response[name] for name in expected} == expected
    assert stranger.get(address(here, attachment.pk)).status_code == 404
    assert client_of(elsewhere.customer).get(address(elsewhere, attachment.pk)).status_code == 404
    assert ana.get(address(here, uuid.uuid4())).status_code == 404
    assert client_of(None).get(address(here, attachment.pk)).status_code == 401


def test_fetching_costs_the_same_however_much_there_is(here, ana, django_assert_num_queries):
    attachment = [upload(here.chat, here.customer) for _ in range(3)][0]
    ana.get(address(here, attachment.pk))

    with django_assert_num_queries(2):
        body_of(ana.get(address(here, attachment.pk)))


def test_files_of_a_withdrawn_message_are_no_longer_fetched_and_kept(here, ana, ben):
    attachment, other = upload(here.chat, here.customer), upload(here.chat, here.customer)
    seq = say(ana, here, attachments=[str(attachment.pk)]).json()["seq"]
    say(ana, here, attachments=[str(other.pk)])

    assert attachments.withdraw(chat_id=here.id, seq=seq) == 1
    assert attachments.withdraw(chat_id=here.id, seq=seq) == 0

    assert [client.get(address(here, attachment.pk)).status_code for client in (ana, ben)] == [404, 404]
    assert ben.get(address(here, other.pk)).status_code == 200
    assert len(files_of_test()) == 2


def test_a_damaged_file_is_told_before_anything_of_it_is_sent(here, ana):
    attachment = upload(here.chat, here.customer)
    (path,) = files_of_test()
    path.write_bytes(path.read_bytes()[:-1])

    response = ana.get(address(here, attachment.pk))

    assert (response.status_code, response.json()["code"]) == (409, "file.damaged")


# Going


def test_what_is_not_sent_within_a_day_expires(here, ana, django_capture_on_commit_callbacks):
    old, fresh, sent = (upload(here.chat, here.customer) for _ in range(3))
    say(ana, here, attachments=[str(sent.pk)])
    Attachment.objects.exclude(pk=fresh.pk).update(created_at=datetime.now(UTC) - timedelta(hours=25))

    with django_capture_on_commit_callbacks(execute=True):
        assert attachments.expire_unsent() == 1
        assert attachments.expire_unsent() == 0

    assert {row.pk for row in Attachment.objects.all()} == {fresh.pk, sent.pk}
    assert len(files_of_test()) == StoredFile.objects.count() == 2
    assert say(ana, here, attachments=[str(old.pk)]).status_code == 404


def test_erasing_a_person_destroys_what_they_attached_and_the_history_stays(
    here, ana, ben, django_capture_on_commit_callbacks
):
    hers, waiting = upload(here.chat, here.customer, "Ana passport.png"), upload(here.chat, here.customer)
    answer = upload(here.chat, here.agent)
    say(ana, here, message="my passport", attachments=[str(hers.pk)])
    say(ben, here, message="thank you", attachments=[str(answer.pk)])

    with django_capture_on_commit_callbacks(execute=True):
        erasures.erase_self(actor=principal_of(here.customer))

    frames = ben.get(f"/api/chats/{here.id}/messages/").json()["results"]
    shown = {frame["message"]: frame["attachments"][0]["name"] for frame in frames if frame["type"] == "message"}
    assert shown == {"my passport": "erased", "thank you": "card.png"}
    for frame in frames:
        check_frame(frame)
    assert "Ana" not in str(payloads_in(here.topic)) + str(Attachment.objects.values_list("name"))
    assert ben.get(address(here, hers.pk)).json()["code"] == "file.gone"
    assert ben.get(address(here, answer.pk)).status_code == 200
    assert not Attachment.objects.filter(pk=waiting.pk).exists()
    assert StoredFile.objects.get(pk=hers.file_id).wrapped_key is None
    assert len(files_of_test()) == 1


def test_a_person_is_given_the_list_of_what_they_attached(here):
    hers = upload(here.chat, here.customer)
    upload(here.chat, here.agent)
    given: dict[str, list] = {}

    hooks.person_exported(hooks.Export(here.customer.pk, lambda name, rows: given.update({name: list(rows)})))

    (row,) = given["support/attachments.json"]
    assert row["id"] == str(hers.pk)
    assert {name: row[name] for name in ("name", "content_type", "size", "sha256", "seq")} == {
        "name": "card.png",
        "content_type": "image/png",
        "size": len(picture()),
        "sha256": hers.file.sha256,
        "seq": None,
    }


def test_a_destroyed_file_cannot_be_sent(here, ana):
    attachment = upload(here.chat, here.customer)
    StoredFile.objects.filter(pk=attachment.file_id).update(wrapped_key=None, destroyed_at=datetime.now(UTC))

    assert say(ana, here, attachments=[str(attachment.pk)]).status_code == 404
