"""What is kept of loads: for how long, and which rows the database refuses."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from backend.banking import tasks
from backend.banking.models import Load, LoadLine, LoadPart
from backend.banking.tests.factories import make_bank, make_load
from backend.banking.tests.manager_factories import make_bank as make_bank_of


def test_reports_are_forgotten_after_a_month(db):
    old, new = make_load(), make_load()
    Load.objects.filter(pk=new.pk).update(finished_at=new.created_at)
    Load.objects.filter(pk=old.pk).update(finished_at=new.created_at - timedelta(days=31))
    under_way = make_load(state="reading")
    LoadLine.objects.bulk_create(LoadLine(owner=one, line=1, fault="x") for one in (old, new, under_way))

    assert tasks.prune_loads() == 1

    assert set(LoadLine.objects.values_list("owner__state", flat=True)) == {"done", "reading"}
    assert Load.objects.count() == 3


def test_a_bank_stays_while_a_file_is_loaded_into_it(db, make_user, client_of):
    manager = make_user()
    bank = make_bank_of(manager)
    found = make_load(bank, state="reading")
    LoadLine.objects.create(owner=found, line=1, fault="x")

    refused = client_of(manager).delete(f"/api/bank/{bank.pk}/")
    Load.objects.update(state="done")
    deleted = client_of(manager).delete(f"/api/bank/{bank.pk}/")

    assert (refused.status_code, refused.json()["files_being_loaded"]) == (409, 1)
    assert deleted.status_code == 204
    assert not Load.objects.exists()


@pytest.mark.parametrize("name", ["position", "once", "state", "kind"])
def test_rows_that_must_never_be_are_refused_by_the_database(db, name):
    bank = make_bank()
    made = make_load(bank, state="reading", sha256="a")
    wrong = {
        "position": lambda: LoadPart.objects.create(owner=made, number=0, start=5, position=4, end=9),
        "once": lambda: make_load(bank, state="storing", sha256="a"),
        "state": lambda: make_load(bank, state="lost"),
        "kind": lambda: make_load(bank, kind="other"),
    }[name]

    with pytest.raises(IntegrityError), transaction.atomic():
        wrong()
