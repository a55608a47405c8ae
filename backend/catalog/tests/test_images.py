"""Pictures of items: judged by their bytes, drawn anew, fetched with an ETag, gone with their item."""

import io
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from backend.catalog.models import Item, ItemImage
from backend.catalog.services import images
from backend.catalog.tests.factories import ARTICLES, ITEMS, TESTS, add_article, add_test, rows, set_image
from backend.common.models import StoredFile
from backend.common.tests.made_files import archive, pdf, picture, png_of, png_of_size

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def storage(tmp_path, settings):
    """A storage of the test's own."""
    options = {"location": str(tmp_path / "media")}
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    settings.VAULT_SPOOL = tmp_path / "incoming"
    return tmp_path


def at(item: Item) -> str:
    return f"{ITEMS}{item.pk}/image/"


def send(person, item: Item, content: bytes, name: str = "iron.png", field: str = "file"):
    return person.client.post(at(item), {field: SimpleUploadedFile(name, content)}, format="multipart")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def body_of(answer) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.mark.parametrize(
    ("kind", "name", "content_type"),
    [("PNG", "a.png", "image/png"), ("JPEG", "a.jpg", "image/jpeg"), ("WEBP", "a.webp", "image/webp")],
)
def test_a_picture_is_set_shown_and_fetched(ana, kind, name, content_type):
    test = add_test(ana.user)

    sent = send(ana, test, picture(kind, (60, 40)), name)
    got = ana.client.get(at(test))
    content = body_of(got)

    assert sent.status_code == 201
    assert sent.json() == {
        "image": at(test),
        "content_type": content_type,
        "size": len(content),
        "width": 60,
        "height": 40,
    }
    assert Image.open(io.BytesIO(content)).format == kind
    assert (got.headers["Content-Type"], got.headers["X-Content-Type-Options"]) == (content_type, "nosniff")
    assert ana.client.get(f"{ITEMS}{test.pk}/").json()["image"] == at(test)
    assert "image" not in ana.client.get(TESTS).json()[0], "S3's list keeps its shape"


def test_who_has_it_is_told_so(ana):
    test = add_test(ana.user)
    send(ana, test, picture())
    etag = ana.client.get(at(test)).headers["ETag"]

    same = ana.client.get(at(test), HTTP_IF_NONE_MATCH=etag)
    send(ana, test, picture(size=(30, 30)))
    other = ana.client.get(at(test), HTTP_IF_NONE_MATCH=etag)

    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", etag)
    assert other.status_code == 200


def test_nothing_travels_along_and_it_stands_upright(ana):
    """Where it was taken, with what, and turned by how much: a camera writes that beside the pixels."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera of Ana"
    made = io.BytesIO()
    Image.new("RGB", (80, 20), "red").save(made, "JPEG", exif=exif, comment=b"at home")
    test = add_test(ana.user)

    sent = send(ana, test, made.getvalue(), "a.jpeg")
    content = body_of(ana.client.get(at(test)))

    assert b"Camera of Ana" in made.getvalue()
    assert b"Camera" not in content
    assert b"home" not in content
    assert (sent.json()["width"], sent.json()["height"]) == (20, 80)
    assert len(Image.open(io.BytesIO(content)).getexif()) == 0


def test_a_large_one_is_made_smaller_and_see_through_stays(ana):
    test = add_test(ana.user)
    made = io.BytesIO()
    Image.new("RGBA", (3200, 100), (0, 0, 0, 0)).save(made, "PNG")

    sent = send(ana, test, made.getvalue())

    assert (sent.json()["width"], sent.json()["height"]) == (1600, 50)
    assert Image.open(io.BytesIO(body_of(ana.client.get(at(test))))).mode == "RGBA"


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("a.gif", picture("GIF"), 400),
        ("a.pdf", pdf(), 400),
        ("a.png", picture("JPEG"), 400),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400),
        ("a.png", b"", 400),
        ("a.png", picture()[:-20], 400),
        ("a.png", picture() + archive(), 400),
        ("a.png", png_of(30_000, 30_000), 400),
        ("a.png", picture(size=(4_100, 4_000)), 400),
        ("a.png", png_of_size(images.SIZE_MAX + 1), 413),
    ],
    ids=["gif", "pdf", "a lie", "svg", "empty", "cut", "polyglot", "bomb", "too many pixels", "too large"],
)
def test_what_is_no_good_picture_is_refused_and_nothing_is_left(ana, storage, name, content, status):
    test = add_test(ana.user)
    before = rows()

    answer = send(ana, test, content, name)

    assert answer.status_code == status, answer.json()
    assert rows() == before
    assert files(storage) == []


def test_not_a_form_or_in_another_field_is_refused(ana):
    test = add_test(ana.user)

    assert ana.client.post(at(test), {"file": "x"}, format="json").status_code == 415
    assert send(ana, test, picture(), field="picture").status_code == 400
    assert ItemImage.objects.count() == 0


def test_a_new_picture_replaces_the_old_and_deleting_leaves_none(ana, storage, django_capture_on_commit_callbacks):
    test = add_test(ana.user)
    with django_capture_on_commit_callbacks(execute=True):
        send(ana, test, picture())
        send(ana, test, picture(size=(30, 30)))
    assert (ItemImage.objects.get().width, StoredFile.objects.count(), len(files(storage))) == (30, 1, 1)

    with django_capture_on_commit_callbacks(execute=True):
        assert ana.client.delete(at(test)).status_code == 204
    assert (StoredFile.objects.count(), files(storage)) == (0, [])
    assert ana.client.get(at(test)).json()["code"] == "catalog.no_image"
    assert ana.client.delete(at(test)).json()["code"] == "catalog.no_image"


def test_a_picture_goes_with_its_item_however_that_goes(
    ana, writer, make_user, storage, django_capture_on_commit_callbacks
):
    chief, desk = make_user(is_staff=True, is_superuser=True), Client()
    desk.force_login(chief)
    first, second = add_test(ana.user), add_test(ana.user)
    third, article = add_test(ana.user), add_article(writer.user, "Read me")
    for item, user in ((first, ana.user), (second, ana.user), (third, ana.user), (article, writer.user)):
        set_image(item, user)
    assert len(files(storage)) == 4

    with django_capture_on_commit_callbacks(execute=True):
        ana.client.delete(f"{TESTS}{first.pk}/")
        desk.post(f"/{settings.ADMIN_URL}/catalog/item/{second.pk}/delete/", {"post": "yes"})
        writer.client.delete(f"{ARTICLES}{article.slug}/")
        ana.client.delete("/api/user/me/")

    assert (Item.objects.count(), StoredFile.objects.count(), files(storage)) == (0, 0, [])


def test_others_neither_set_nor_see_what_is_not_theirs(ana, bob, writer):
    his, article = add_test(bob.user), add_article(writer.user, "Read me")
    draft = add_article(writer.user, "Draft", published=False)
    for item, user in ((his, bob.user), (article, writer.user), (draft, writer.user)):
        set_image(item, user)
    before = rows()

    got = [ana.client.get(at(item)).status_code for item in (his, article, draft)]
    sent = [send(ana, item, picture()).status_code for item in (his, article, draft)]
    deleted = [ana.client.delete(at(item)).status_code for item in (his, article, draft)]

    assert (got, sent, deleted) == ([404, 200, 404], [404, 403, 404], [404, 403, 404])
    assert [writer.client.get(at(item)).status_code for item in (his, article, draft)] == [404, 200, 200]
    assert rows() | {"AuditLog": 0} == before | {"AuditLog": 0}
