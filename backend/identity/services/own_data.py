"""This slice's part of everything about a person: account, sessions, sign-ins, roles, what they were told."""

from collections.abc import Iterator, Mapping
from typing import Any

from backend.common import hooks
from backend.identity.models import LoginLog, PersonExport, RuleNotice, Session, TotpDevice, User, UserRole

ACCOUNT = (
    *("id", "email", "username", "first_name", "last_name", "name", "phone_number", "customer_id", "kyc_status"),
    *("risk_profile", "is_account_verified", "is_active", "is_staff", "is_superuser", "last_login", "last_login_ip"),
    *("date_joined", "updated_at"),
)
SESSION = (
    *("id", "door", "name", "platform", "ip_address", "user_agent", "created_at", "seen_at", "expires_at"),
    *("revoked_at", "revoked_reason"),
)


def export_identity(export: hooks.Export) -> None:
    mine = {"user_id": export.user_id}
    parts: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
        ("account", User.objects.filter(pk=export.user_id), ACCOUNT),
        ("sessions", Session.objects.filter(**mine).order_by("created_at", "id"), SESSION),
        (
            "sign_ins",
            LoginLog.objects.filter(**mine).order_by("at", "id"),
            ("at", "platform_os", "ip_address", "successful", "description"),
        ),
        (
            "roles",
            UserRole.objects.filter(**mine).order_by("id"),
            ("role__name", "is_active", "assigned_at"),
        ),
        (
            "second_factor",
            TotpDevice.objects.filter(**mine).order_by("id"),
            ("name", "confirmed", "created_at", "confirmed_at"),
        ),
        (
            "exports",
            PersonExport.objects.filter(**mine).order_by("asked_at"),
            ("id", "state", "asked_at", "finished_at", "fetched_at"),
        ),
        (
            "rule_changes",
            RuleNotice.objects.filter(**mine).order_by("id"),
            ("change__key", "change__version", "change__title", "told_at", "acknowledged_at"),
        ),
    )
    for name, rows, fields in parts:
        export.add(f"identity/{name}.json", _named(rows.values(*fields).iterator(chunk_size=1000)))


def _named(rows: Iterator[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """`role__name` is `role_name` to whoever reads it."""
    for row in rows:
        yield {name.replace("__", "_"): value for name, value in row.items()}
