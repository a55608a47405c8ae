"""Files are what their bytes say: pictures and PDFs to their very end, and nothing else besides (KYC, attachments)."""

import io
import zlib

import pytest

from backend.common.content import Content, ContentRefused, check, safe_name
from backend.common.tests import made_files as made
from backend.common.tests.made_files import archive, object_stream, pdf, picture, png_of

ALL = {"png", "jpg", "jpeg", "gif", "webp", "pdf"}
ELF, MZ = b"\x7fELF\x02\x01\x01" + bytes(60), b"MZ\x90\x00" + bytes(60)


def look(data: bytes, name: str) -> Content:
    return check(io.BytesIO(data), name=name, extensions=ALL)


def reason(data: bytes, name: str) -> str:
    with pytest.raises(ContentRefused) as caught:
        look(data, name)
    return caught.value.code


@pytest.mark.parametrize(
    ("kind", "name", "content_type"),
    [
        ("PNG", "a.png", "image/png"),
        ("JPEG", "a.JPG", "image/jpeg"),
        ("JPEG", "a.b.jpeg", "image/jpeg"),
        ("GIF", "a.gif", "image/gif"),
        ("WEBP", "a.webp", "image/webp"),
    ],
)
def test_a_picture_is_known_by_its_bytes_and_measured(kind, name, content_type):
    assert look(picture(kind), name) == Content(content_type, 60, 40)


@pytest.mark.parametrize(("kind", "name"), [("GIF", "a.gif"), ("WEBP", "a.webp"), ("PNG", "a.png")])
def test_moving_pictures_are_pictures(kind, name):
    assert look(picture(kind, frames=3), name).width == 60


def test_what_cameras_put_behind_a_photograph_is_taken():
    photo, preview = picture("JPEG"), picture("JPEG", (16, 12))

    assert look(photo + bytes(8) + preview, "a.jpg").width == 60
    assert look(photo + b"SEFH" + bytes(40) + b"SEFT", "a.jpg").width == 60


def test_a_plain_pdf_is_taken():
    assert look(pdf(), "a.pdf") == Content("application/pdf")
    assert look(pdf(object_stream(b"4 0 << /Type /Page >>")), "a.pdf") == Content("application/pdf")
    opens_at_a_page = b"3 0 obj\n<< /OpenAction [2 0 R /Fit] /S /GoTo /Title (about JavaScript) >>\nendobj\n"
    assert look(pdf(opens_at_a_page), "a.pdf") == Content("application/pdf")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (ELF, "a.png"),
        (MZ, "a.jpg"),
        (b"#!/bin/sh\n", "a.pdf"),
        (b"<html><script>alert(1)</script></html>", "a.gif"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "a.png"),
        (archive(), "a.webp"),
        (b"\n%PDF-1.7 not at its start", "a.pdf"),
    ],
)
def test_what_is_none_of_the_kinds_is_refused_whatever_its_name(data, name):
    assert reason(data, name) == "content.type"


@pytest.mark.parametrize("name", ["a.exe", "a", "a.png.svg", "png", ".pdf.html"])
def test_a_name_of_another_kind_is_refused_whatever_the_content(name):
    assert reason(picture(), name) == "content.type"


def test_name_and_content_must_agree():
    assert reason(picture("JPEG"), "a.png") == "content.mismatch"
    assert reason(pdf(), "a.jpg") == "content.mismatch"
    assert reason(b"", "a.png") == "content.empty"


@pytest.mark.parametrize(("kind", "name"), [("PNG", "a.png"), ("JPEG", "a.jpg"), ("GIF", "a.gif"), ("WEBP", "a.webp")])
def test_a_picture_that_is_cut_anywhere_is_refused(kind, name):
    data = picture(kind)

    for size in (13, len(data) // 3, len(data) // 2, len(data) - 1):
        assert reason(data[:size], name) in {"content.damaged", "content.type"}, size


@pytest.mark.parametrize("rest", [MZ, ELF, b"x", b"<script>alert(1)</script>", pdf()])
@pytest.mark.parametrize(("kind", "name"), [("PNG", "a.png"), ("JPEG", "a.jpg"), ("GIF", "a.gif"), ("WEBP", "a.webp")])
def test_nothing_may_follow_the_end_of_a_picture(kind, name, rest):
    assert reason(picture(kind) + rest, name) == "content.trailing"


@pytest.mark.parametrize("size", [(50_000, 50_000), (2**31 - 1, 1), (8_000, 8_000), (0, 5)])
def test_a_picture_bomb_is_refused_by_what_it_claims(size):
    assert reason(png_of(*size), "a.png") in {"content.pixels", "content.damaged"}


def test_a_picture_bomb_of_every_other_kind_is_refused():
    gif, jpeg, webp = (bytearray(picture(kind)) for kind in ("GIF", "JPEG", "WEBP"))
    gif[6:10] = b"\xff\xff\xff\xff"
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    lossy = webp.index(b"\x9d\x01\x2a")
    webp[lossy + 3 : lossy + 7] = b"\xff\x3f\xff\x3f"

    assert reason(bytes(gif), "a.gif") == "content.pixels"
    assert reason(bytes(jpeg), "a.jpg") == "content.pixels"
    assert reason(bytes(webp), "a.webp") == "content.pixels"


def test_many_frames_make_a_bomb_too():
    claims = png_of(7_000, 7_000)
    animated = claims[:33] + made.chunk(b"acTL", (400).to_bytes(4, "big") + bytes(4)) + claims[33:]

    assert reason(animated, "a.png") == "content.pixels"


def test_a_picture_that_is_an_archive_or_a_page_too_is_refused():
    plain = picture()
    end = plain.rindex(b"IEND") - 4

    for hidden, code in ((archive(), "archive"), (b"<script>alert(1)</script>", "script"), (b"<?php x", "script")):
        polyglot = plain[:end] + made.chunk(b"zzZz", hidden) + plain[end:]
        assert reason(polyglot, "a.png") == f"content.{code}"
    comment = picture("JPEG")[:2] + b"\xff\xfe" + (len(archive()) + 2).to_bytes(2, "big") + archive()
    assert reason(comment + picture("JPEG")[2:], "a.jpg") == "content.archive"


@pytest.mark.parametrize(
    "extra",
    [
        b"3 0 obj\n<< /OpenAction << /S /JavaScript /JS (app.alert(1)) >> >>\nendobj\n",
        b"3 0 obj\n<< /S /J#61va#53cript >>\nendobj\n",
        b"3 0 obj\n<< /AA << /O << /S/Launch/F (cmd.exe) >> >> >>\nendobj\n",
        b"3 0 obj\n<< /AcroForm << /XFA [5 0 R] >> >>\nendobj\n",
        object_stream(b"4 0 << /S /JavaScript /JS 5 0 R >>"),
        object_stream(b"4 0 << /S /Java#53cript >>"),
        object_stream(b"4 0 << /S /JavaScript >>", extra=b"/X (endstream obj) %stream\n"),
    ],
)
def test_a_pdf_that_acts_is_refused_however_it_is_written(extra):
    assert reason(pdf(extra), "a.pdf") == "content.active"


def test_a_pdf_that_carries_files_is_locked_or_cannot_be_looked_into_is_refused():
    assert reason(pdf(b"3 0 obj\n<< /Type /EmbeddedFile >>\nendobj\n"), "a.pdf") == "content.carries"
    assert reason(pdf(object_stream(b"<< /EmbeddedFiles 5 0 R >>")), "a.pdf") == "content.carries"
    assert reason(pdf(trailer=b"/Encrypt 8 0 R "), "a.pdf") == "content.locked"
    assert reason(pdf(object_stream(b"", filters=b"[/ASCIIHexDecode /FlateDecode]")), "a.pdf") == "content.unreadable"
    assert reason(pdf(object_stream(b"", filters=b"9 0 R")), "a.pdf") == "content.unreadable"
    assert reason(pdf(object_stream(bytes(20_000_000))), "a.pdf") == "content.unreadable"
    assert reason(pdf(b"obj<<" * 200_000), "a.pdf") == "content.unreadable"


def test_a_pdf_has_an_end_and_nothing_behind_it():
    assert reason(pdf()[:-12], "a.pdf") == "content.damaged"
    assert reason(b"%PDF-1.7\n" + zlib.compress(b"x"), "a.pdf") == "content.damaged"
    assert reason(pdf() + MZ, "a.pdf") == "content.trailing"
    assert reason(pdf(b"3 0 obj\n(" + archive() + b")\nendobj\n"), "a.pdf") == "content.archive"
    assert reason(pdf(b"3 0 obj\n(<script>x</script>)\nendobj\n"), "a.pdf") == "content.script"


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("a.png", "a.png"),
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\Users\\Ana\\scan.PDF", "scan.PDF"),
        ("a\r\nSet-Cookie: x.png", "a Set-Cookie_ x.png"),
        ("invoice\u202egnp.exe.png", "invoicegnp.exe.png"),
        ("\x00\x1f\x7f.png", "file.png"),
        ("Überweisung – März 😀.pdf", "Überweisung – März 😀.pdf"),
        ("e\u0301.png", "é.png"),
        ('a"b<c>|*?.gif', "a_b_c____.gif"),
        ("....png", "file.png"),
        ("", "file"),
        ("a" * 300 + ".jpeg", "a" * 115 + ".jpeg"),
    ],
)
def test_a_name_is_made_one_that_is_only_a_name(given, safe):
    assert safe_name(given) == safe
    assert safe_name(safe) == safe
