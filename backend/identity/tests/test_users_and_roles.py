"""Users and roles: what the tables hold true, and how roles are given and taken."""

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from backend.audit.models import AuditLog
from backend.conftest import PASSWORD
from backend.identity.models import LoginLog, Role, Session, User, UserRole
from backend.identity.services import roles, sessions
from backend.identity.tests.doors import Event, rows
from backend.tests.commits import in_parallel


def refuses(constraint: str, write) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        write()


@pytest.mark.django_db
def test_a_user_is_made_with_what_the_banks_need():
    """K-6, K-7, K-8, K-9: one user model, numbered; what only a bank asks for is not in it. S1-M1, S2-B10, S3-M1."""
    user = User.objects.create_user(" Ana@EXAMPLE.com ", "quiet purple tractor")

    assert (user.email, user.username) == ("Ana@example.com", "Ana@example.com")
    assert user.customer_id.startswith("CUST")
    assert len(user.customer_id) == 14
    assert user.customer_id == user.customer_id.upper()
    assert (user.kyc_status, user.risk_profile, user.is_account_verified) == ("INCOMPLETE", "LOW", False)
    assert user.check_password("quiet purple tractor")
    assert get_user_model() is User


@pytest.mark.django_db
def test_a_user_needs_an_e_mail():
    with pytest.raises(ValueError, match="e-mail"):
        User.objects.create_user("", "quiet purple tractor")

    assert User.objects.count() == 0


@pytest.mark.django_db
def test_a_superuser_is_staff_too():
    user = User.objects.create_superuser("root@example.com", "quiet purple tractor")

    assert (user.is_staff, user.is_superuser) == (True, True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "full", "short"),
    [
        ({"first_name": "Ana", "last_name": "Banker"}, "Ana Banker", "Ana"),
        ({"first_name": "Ana"}, "Ana", "Ana"),
        ({"name": "Ana B."}, "Ana B.", "Ana B."),
        ({}, "", "ana"),
    ],
)
def test_a_person_has_a_full_and_a_short_name(fields, full, short):
    user = User(email="ana@example.com", **fields)

    assert (user.get_full_name(), user.get_short_name(), str(user)) == (full, short, "ana@example.com")


@pytest.mark.django_db
def test_two_users_cannot_share_an_e_mail_in_any_case():
    User.objects.create_user("ana@example.com", None, username="one")

    refuses("identity_user_email_unique", lambda: User.objects.create_user("ANA@example.com", None, username="two"))


@pytest.mark.django_db
def test_two_users_cannot_share_a_username_in_any_case():
    User.objects.create_user("ana@example.com", None, username="ana")

    refuses("identity_user_username_unique", lambda: User.objects.create_user("b@example.com", None, username="ANA"))


@pytest.mark.django_db
def test_a_username_cannot_be_anothers_address():
    """Not even one that is free today."""
    refuses(
        "identity_user_username_with_at_is_own_email",
        lambda: User.objects.create_user("ana@example.com", None, username="bob@example.com"),
    )


@pytest.mark.django_db
def test_a_session_cannot_end_without_a_reason(make_user):
    sessions.open_session(user=make_user(), door="s1")

    refuses(
        "identity_session_revoked_has_reason",
        lambda: Session.objects.update(revoked_at="2026-01-01T00:00:00Z", revoked_reason=""),
    )


@pytest.mark.django_db
def test_the_four_roles_are_there_from_the_start():
    """S2-M2, S2-B31, S2-B32, BUG-S2-24, K-23: seeded by migration; no flag implies one. BUG-S2-24, S2-B31."""
    assert {role.name: role.permissions for role in Role.objects.all()} == {
        "CUSTOMER": ["view_own_profile", "update_own_profile", "upload_kyc", "view_own_kyc_status"],
        "SUPPORT_AGENT": ["answer_chats"],
        "BANK_ADMIN": ["view_all_users", "review_kyc", "view_audit_logs", "manage_users", "view_security_events"],
        "AUDITOR": ["view_audit_logs", "view_security_events", "view_system_reports"],
    }


@pytest.mark.django_db
def test_giving_a_role_is_recorded_and_told(make_user):
    boss, user = make_user(), make_user()
    before, version = rows(), User.objects.get(pk=user.pk).auth_version

    held = roles.assign_role(user=user, name="AUDITOR", assigned_by=boss)

    assert (held.user_id, held.role.name, held.is_active, held.assigned_by_id) == (user.pk, "AUDITOR", True, boss.pk)
    audit = AuditLog.objects.first()
    assert (audit.actor_id, audit.action, audit.target_id, audit.facts) == (
        boss.pk,
        "role.assigned",
        str(user.pk),
        {"role": "AUDITOR"},
    )
    newest = Event.objects.filter(topic__key="sessions").order_by("-seq")[0]
    assert (newest.kind, newest.payload) == ("principal.changed", {"user_id": user.pk, "version": version + 1})
    assert User.objects.get(pk=user.pk).auth_version == version + 1
    assert rows() == {
        **before,
        "UserRole": before["UserRole"] + 1,
        "AuditLog": before["AuditLog"] + 1,
        "Event": before["Event"] + 1,
    }


@pytest.mark.django_db
def test_giving_a_role_again_changes_nothing(make_user):
    user = make_user("AUDITOR")
    before, version = rows(), User.objects.get(pk=user.pk).auth_version

    roles.assign_role(user=user, name="AUDITOR", assigned_by=None)

    assert rows() == before
    assert User.objects.get(pk=user.pk).auth_version == version


@pytest.mark.django_db
def test_a_withdrawn_role_keeps_its_row_and_can_be_given_again(make_user):
    """S2-M3."""
    boss, user = make_user(), make_user("AUDITOR")
    row = UserRole.objects.get(user=user)

    roles.withdraw_role(user=user, name="AUDITOR", withdrawn_by=boss)
    row.refresh_from_db()
    withdrawn = row.is_active
    recorded = AuditLog.objects.first()
    roles.assign_role(user=user, name="AUDITOR", assigned_by=boss)
    row.refresh_from_db()

    assert (withdrawn, row.is_active, row.assigned_by_id) == (False, True, boss.pk)
    assert (recorded.actor_id, recorded.action, recorded.facts) == (boss.pk, "role.withdrawn", {"role": "AUDITOR"})


@pytest.mark.django_db
def test_withdrawing_what_is_not_held_changes_nothing(make_user):
    user = make_user()
    before, version = rows(), User.objects.get(pk=user.pk).auth_version

    roles.withdraw_role(user=user, name="AUDITOR", withdrawn_by=None)

    assert rows() == before
    assert User.objects.get(pk=user.pk).auth_version == version


@pytest.mark.django_db
def test_a_role_that_does_not_exist_is_given_to_nobody(make_user):
    user = make_user()
    before = rows()

    with pytest.raises(Role.DoesNotExist):
        roles.assign_role(user=user, name="KING", assigned_by=None)

    assert rows() == before


@pytest.mark.django_db
def test_rows_say_what_they_are(make_user):
    user = make_user("AUDITOR")
    held = UserRole.objects.get(user=user)

    assert str(held) == f"{user.pk} {held.role_id}"
    assert str(held.role) == "AUDITOR"
    assert str(LoginLog(user=user, description="Login Failed")) == f"{user.pk} Login Failed"


def test_the_same_role_given_twice_at_the_same_moment_is_given_once(committed, make_user):
    user = User.objects.create_user("ana@example.com", PASSWORD)

    outcomes = in_parallel(*[lambda: roles.assign_role(user=user, name="AUDITOR", assigned_by=None)] * 3)

    assert {type(outcome) for outcome in outcomes} == {UserRole}
    assert UserRole.objects.filter(user=user).count() == 1
    assert AuditLog.objects.filter(action="role.assigned").count() == 1
    assert User.objects.get().auth_version == 2
