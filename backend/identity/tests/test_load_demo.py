"""`manage.py load_demo`: what `make run` promises about its accounts (design.md section 2)."""

import json
import stat

import pytest
from django.core.management import call_command

from backend.identity.models import Session, User, UserRole
from backend.identity.permissions import usable_key
from backend.identity.services import sessions
from backend.identity.tests.doors import LOGIN, rows

pytestmark = pytest.mark.django_db

BASE_URL = "http://127.0.0.1:8123"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "new" / "demo.json"


def load(file) -> dict:
    call_command("load_demo", base_url=BASE_URL, file=file, verbosity=0)
    return json.loads(file.read_text())


def test_the_file_names_the_address_and_six_accounts_with_one_password(file):
    content = load(file)

    assert list(content) == ["base_url", "accounts", "api_key"]
    assert usable_key(content["api_key"]).name == "demo partner"
    assert content["base_url"] == BASE_URL
    assert {name: who["email"] for name, who in content["accounts"].items()} == {
        "customer": "customer@demo.ease.example",
        "agent": "agent@demo.ease.example",
        "bank_admin": "bank.admin@demo.ease.example",
        "auditor": "auditor@demo.ease.example",
        "manager": "manager@demo.ease.example",
        "superuser": "superuser@demo.ease.example",
    }
    (password,) = {who["password"] for who in content["accounts"].values()}
    assert password.startswith("demo-")
    assert len(password) >= 16


def test_the_file_is_its_owners_only_and_leaves_no_draft(file):
    load(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in file.parent.iterdir()) == ["demo.json", "demo.state"]


def test_each_account_has_its_role_and_flags(file):
    content = load(file)

    found = {
        name: (
            list(UserRole.objects.filter(user=user, is_active=True).values_list("role__name", flat=True)),
            user.is_staff,
            user.is_superuser,
            user.is_active,
        )
        for name, who in content["accounts"].items()
        for user in [User.objects.get(email=who["email"])]
    }
    assert found == {
        "customer": (["CUSTOMER"], False, False, True),
        "agent": (["SUPPORT_AGENT"], True, False, True),
        "bank_admin": (["BANK_ADMIN"], True, False, True),
        "auditor": (["AUDITOR"], True, False, True),
        "manager": ([], False, False, True),
        "superuser": ([], True, True, True),
    }


def test_everybody_can_sign_in(file, anybody):
    content = load(file)

    statuses = [
        anybody.post(LOGIN, {"username": who["email"], "password": who["password"]}).status_code
        for who in content["accounts"].values()
    ]

    assert statuses == [200] * 6


def test_loading_again_keeps_accounts_password_and_sessions(file):
    first = load(file)
    sessions.open_session(user=User.objects.get(email="customer@demo.ease.example"), door="s1")
    before = rows()

    second = load(file)

    assert second == first
    assert rows() == before
    assert Session.objects.filter(revoked_at=None).count() == 1


def test_loading_again_brings_accounts_back_to_what_the_demo_needs(file, anybody):
    content = load(file)
    User.objects.filter(email="agent@demo.ease.example").update(is_active=False, is_staff=False)
    User.objects.filter(email="customer@demo.ease.example").update(is_superuser=True)

    load(file)

    assert User.objects.get(email="agent@demo.ease.example").is_active
    assert User.objects.get(email="agent@demo.ease.example").is_staff
    assert not User.objects.get(email="customer@demo.ease.example").is_superuser
    agent = content["accounts"]["agent"]
    assert anybody.post(LOGIN, {"username": agent["email"], "password": agent["password"]}).status_code == 200


def test_the_chosen_password_wins_and_ends_older_sessions(file, settings):
    """DEMO_PASSWORD."""
    load(file)
    sessions.open_session(user=User.objects.get(email="customer@demo.ease.example"), door="s1")
    settings.DEMO_PASSWORD = "chosen by the operator"

    content = load(file)

    assert {who["password"] for who in content["accounts"].values()} == {"chosen by the operator"}
    assert User.objects.get(email="auditor@demo.ease.example").check_password("chosen by the operator")
    assert Session.objects.get().revoked_reason == "password_changed"


@pytest.mark.parametrize("rubbish", ["", "{", "[]", '{"accounts": null}', '"demo"'])
def test_a_spoilt_file_is_written_anew(file, rubbish):
    file.parent.mkdir()
    file.write_text(rubbish)

    content = load(file)

    assert len(content["accounts"]) == 6
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_loading_again_checks_no_password_that_is_as_it_was_left(file, monkeypatch):
    """A second start is quick: checking six passwords takes seconds by design."""
    load(file)
    checked: list[str] = []
    monkeypatch.setattr(User, "check_password", lambda user, password: checked.append(user.email) or True)

    load(file)

    assert checked == []


def test_a_password_that_a_visitor_changed_is_set_back(file):
    content = load(file)
    visitor = User.objects.get(email="customer@demo.ease.example")
    visitor.set_password("a visitor's own")
    visitor.save()
    sessions.open_session(user=visitor, door="s1")

    load(file)

    visitor.refresh_from_db()
    assert visitor.check_password(content["accounts"]["customer"]["password"])
    assert Session.objects.get().revoked_reason == "password_changed"


def test_an_account_that_is_gone_is_made_again(file, anybody):
    content = load(file)
    User.objects.filter(email="agent@demo.ease.example").delete()

    load(file)

    agent = content["accounts"]["agent"]
    assert anybody.post(LOGIN, {"username": agent["email"], "password": agent["password"]}).status_code == 200
    assert User.objects.count() == 6
