"""`manage.py import_tests` (S3-B7): good lines are loaded, bad ones named, the same file twice adds nothing."""

import io

import pytest
from django.core.management import CommandError, call_command

from backend.audit.models import AuditLog
from backend.catalog.models import Item, Tag
from backend.catalog.services import imports
from backend.catalog.tests.factories import TESTS, names_on

pytestmark = pytest.mark.django_db

HEAD = "name,type,description,validity_days,displayicon,tags,samplerequirements,reportavailability,price,time_minutes\n"
GOOD = 'Full blood count,BLOOD,Counts cells,30,icon.png,"FEMALE, MALE ,YOUNG,MALE",2 ml blood,next day,12.50,5\n'


@pytest.fixture
def load(tmp_path):
    def run(text: str, **options) -> tuple[str, str]:
        file, out, err = tmp_path / "tests.csv", io.StringIO(), io.StringIO()
        file.write_text(text)
        try:
            call_command("import_tests", file, stdout=out, stderr=err, **options)
        except CommandError as fault:
            err.write(f"exit: {fault}")
        return out.getvalue().splitlines()[-1] if out.getvalue() else "", err.getvalue()

    return run


def test_a_line_becomes_a_published_test_with_its_tags(load, ana):
    said, faults = load(HEAD + GOOD)

    test = Item.objects.get()
    assert (said, faults) == ("1 added, 0 were there, 0 bad", "")
    assert (test.owner, test.title, str(test.price), test.time_minutes) == (None, "Full blood count", "12.50", 5)
    assert test.description == "Counts cells\nSample: 2 ml blood\nReport: next day\nValid for days: 30"
    assert names_on(test) == {"FEMALE", "MALE", "YOUNG", "BLOOD"}
    found = ana.client.get("/api/diagnostictest/recommendations/?tags=female,old").json()["results"]
    assert [row["reason"] for row in found] == ["matches 1 of 2: female"]
    assert AuditLog.objects.get(action="catalog_test.imported").facts == {"added": 1}


def test_bad_lines_are_named_and_the_others_load(load, monkeypatch):
    monkeypatch.setattr(imports, "BATCH", 2)  # Across batches, too.
    bad = [
        ",BLOOD,no name,,,,,,,",
        "A,,,,,,,,-1,",
        "B,,,,,,,,1000,",
        "C,,,,,,,,NaN,",
        "D,,,,,,,,1.005,",
        "E,,,,,,,,,soon",
    ]
    lines = [f"Test {n},,,,,,,,," for n in range(5)]

    said, faults = load(HEAD + "\n".join(lines[:3] + bad + lines[3:]) + "\n")

    assert said == "5 added, 0 were there, 6 bad"
    assert [line.split(":")[:2] for line in faults.splitlines()[:6]] == [
        ["line 5", " name"],
        *([f"line {n}", " price"] for n in (6, 7, 8, 9)),
        ["line 10", " time_minutes"],
    ]
    assert faults.splitlines()[-1] == "exit: 6 lines were not loaded"
    assert Item.objects.count() == 5


def test_the_same_file_twice_adds_nothing(load):
    load(HEAD + GOOD + GOOD)

    assert load(HEAD + GOOD)[0] == "0 added, 1 were there, 0 bad"
    assert (Item.objects.count(), Tag.objects.count()) == (1, 4)


def test_one_persons_own_tests_stay_private(load, ana, bob):
    assert load(HEAD + GOOD, owner=ana.user.email.upper())[0] == "1 added, 0 were there, 0 bad"

    assert [len(who.client.get(TESTS).json()) for who in (ana, bob)] == [1, 0]
    assert bob.client.get("/api/catalog/items/").json()["results"] == []


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("title,price\nA,1\n", {}, "no column `name`"),
        ("", {}, "no column `name`"),
        (HEAD + '"' + "x" * 300_000, {}, "too long"),
        (HEAD + GOOD, {"owner": "nobody@example.com"}, "Nobody has the address"),
    ],
)
def test_a_file_that_is_none_is_refused(load, text, options, words):
    assert words in load(text, **options)[1]
    assert Item.objects.count() == 0


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_tests", tmp_path / "no.csv")
