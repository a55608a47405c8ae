"""A partner's file of customers (S4-R5, S4-B13, S4-B14, E-S4-11)."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from backend.audit.models import AuditLog
from backend.banking.customer_lines import BadLine, CustomerLine, NotText, read
from backend.banking.models import Account, Customer, Registration
from backend.banking.services import imports
from backend.banking.tests.partner_stage import Partner, stored

TAKEN = {"external_id": ["A customer with this external_id already exists."]}


@pytest.fixture
def partner(db):
    return Partner()


def upload(partner, content, path="/customers/upload/"):
    file = SimpleUploadedFile("customers.csv", content if isinstance(content, bytes) else content.encode(), "text/csv")
    return partner.client.post(f"{partner.prefix}{path}", {"file": file}, format="multipart")


def test_good_lines_are_saved_and_bad_ones_named(partner):
    """S4-B13, S4-B14, BUG-S4-11: the words for a line that is none, fields for values that are bad."""
    partner.customer("old", "1.00")
    text = (
        "c-1,2500.00\n"
        " c-2 , 10 , 2026-01-31T10:00:00+02:00\r\n"
        "\n"
        "c-3\n"
        "c-4,-0.01\n"
        ",abc,soon\n"
        "c-1,99.00\n"
        "old,5.00\n"
        "c-5,1.00,2026-01-31,4\n"
        '"c,6",3.5,NA\n'
        "c-7,0"
    )

    answer = upload(partner, text)

    assert answer.status_code == 200
    assert answer.json() == {
        "created": ["c-1", "c-2", "c,6", "c-7"],
        "errors": [
            "Line 4: expected 2 or 3 columns, found 1.",
            {"Line 5": {"score": ["Ensure this value is greater than or equal to 0."]}},
            {
                "Line 6": {
                    "external_id": ["This field may not be blank."],
                    "score": ["A valid number is required."],
                    "preapproved_at": ["Datetime has wrong format. Use ISO 8601: 2026-01-31T09:30:00Z."],
                }
            },
            {"Line 7": {"external_id": ["This external_id stands in line 1, too."]}},
            {"Line 8": TAKEN},
            "Line 9: expected 2 or 3 columns, found 4.",
        ],
    }
    shown = partner.get("/customers/c-2/").json()
    assert shown == {"external_id": "c-2", "status": 1, "score": "10.00", "preapproved_at": "2026-01-31T08:00:00Z"}
    accounts = Account.objects.filter(bank=partner.bank)
    assert accounts.count() == Customer.objects.count() == Registration.objects.count() == 5
    assert {len(number) for number in accounts.values_list("account_number", flat=True)} == {16}
    assert accounts.get(external_id="c-1").credit_line == Decimal("2500.00")
    row = AuditLog.objects.get(action="accounts.imported")
    assert row.facts == {"added": 4, "bad": 6, "bank": str(partner.bank.pk), "prefix": partner.key.prefix}


def test_a_file_sent_again_stores_nothing(partner):
    """E-S4-7, BUG-S4-12: however often it runs."""
    upload(partner, "c-1,1.00\nc-2,2.00\n")
    before = stored()

    answer = upload(partner, "c-1,9.00\nc-2,9.00\n", "/customers/upload/")

    assert answer.json() == {"created": [], "errors": [{"Line 1": TAKEN}, {"Line 2": TAKEN}]}
    assert stored() == before


def test_another_banks_names_do_not_count(partner):
    upload(Partner(), "c-1,1.00")

    partner.prefix = "/api"
    assert upload(partner, "c-1,1.00").json()["created"] == ["c-1"]


def test_files_that_are_none_are_answered(partner):
    """E-S4-11, BUG-S4-10."""
    before = stored()

    files = {
        "empty": b"",
        "UTF-16": "c-1,1.00\n".encode("utf-16"),
        "a picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    }
    answers = {name: upload(partner, content) for name, content in files.items()}
    none = partner.client.post("/customers/upload/", {}, format="multipart")
    text = partner.client.post("/customers/upload/", {"file": "c-1,1.00"}, format="multipart")
    json = partner.post("/customers/upload/", {"file": "c-1,1.00"})
    listed = partner.post("/customers/upload/", [1])

    for answer in (*answers.values(), none, text, json, listed):
        assert (answer.status_code, list(answer.json())) == (400, ["file"])
    assert stored() == before


def test_lines_in_another_encoding_are_bad_and_no_others(partner):
    """E-S4-11: a byte order mark, CRLF, Latin-1, zeros in the middle, a line without end."""
    content = b"\xef\xbb\xbfc-1,1.00\r\nJos\xe9,2.00\r\nc-3,3.00\r\n" + b"c\x00,1\n" + b"x" * 5000 + b",1\nc-6,6.00\r"

    head, tail = content[:20], content[20:]
    found = list(read([head, tail.replace(b"c\x00", b"c\x01")]))
    answer = upload(partner, content.replace(b"c\x00", b"c\x01"))

    assert [one.line for one in found if isinstance(one, BadLine)] == [2, 4, 5]
    assert answer.json()["created"] == ["c-1", "c-3", "c-6"]
    assert answer.json()["errors"] == [
        "Line 2: it is not UTF-8 text.",
        {"Line 4": {"external_id": ["Only characters that can be printed."]}},
        "Line 5: it is longer than 1000 bytes.",
    ]


def test_a_file_with_too_many_lines_is_refused_whole(partner, monkeypatch):
    monkeypatch.setattr(imports, "LINES_MAX", 3)
    before = stored()

    answer = upload(partner, "".join(f"c-{number},1.00\n" for number in range(4)))

    assert (answer.status_code, list(answer.json())) == (400, ["file"])
    assert stored() == before
    assert len(upload(partner, "c-1,1\nc-2,1\nc-3,1\n").json()["created"]) == 3


def test_an_account_number_that_is_taken_is_made_anew(partner, monkeypatch):
    """Numbers are random; among millions two may meet."""
    numbers = iter(["1", "2", "2", "1", "3", "4"])
    monkeypatch.setattr(imports, "new_number", lambda: next(numbers))
    Account.objects.create(bank=partner.bank, customer=Customer.objects.create(), account_number="1")

    answer = upload(partner, "a,1\nb,1\nc,1\n")

    assert sorted(answer.json()["created"]) == ["a", "b", "c"]
    assert Account.objects.filter(bank=partner.bank).values("account_number").distinct().count() == 4


def test_many_lines_take_a_few_statements(partner, django_assert_max_num_queries):
    """BUG-S4-11: not two for each line."""
    text = "".join(f"c-{number},1.00\n" for number in range(12_000))

    with django_assert_max_num_queries(20):
        answer = upload(partner, text)

    assert len(answer.json()["created"]) == 12_000


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("5", "5.00"),
        ("+5.5", "5.50"),
        ("0", "0.00"),
        ("-0", "0.00"),
        ("00012.30", "12.30"),
        ("9999999999.99", "9999999999.99"),
        ("1.500", "1.50"),
        (".5", "0.50"),
        ("10000000000", None),
        ("1.005", None),
        ("1e3", None),
        ("1 000", None),
        ("", None),
        (".", None),
        ("Infinity", None),
        ("٣", None),
        ("-1", None),
    ],
)
def test_scores(text, score):
    (found,) = read([f"c,{text}".encode()])

    assert (str(found.score) if isinstance(found, CustomerLine) else None) == score


def test_pieces_may_break_anywhere():
    whole = b"\xef\xbb\xbfc-1,1.00\r\n\r\nc-2,2.00,2026-01-31\nc-3\n"

    by_byte = list(read(bytes([one]) for one in whole[3:]))
    assert by_byte == list(read([whole]))
    assert list(read([whole], after=1)) == list(read([whole]))[1:]
    assert [one.line for one in by_byte] == [1, 3, 4]
    with pytest.raises(NotText):
        list(read([b"\x00"]))
