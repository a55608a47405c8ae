"""The doctor's looks at banking: whether the books are verified, and which partners' keys end soon."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import connection
from rest_framework_api_key.models import APIKey

from backend.banking.models import LedgerFinding
from backend.common.checkups import Finding, fine, warning

SOON = timedelta(days=14)
CHECKS_LATE_S = 600


def books() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM now() - at) FROM banking_ledgerpatrol LIMIT 1")
        since = (cursor.fetchone() or (0,))[0]
    if since > CHECKS_LATE_S:
        yield warning(f"nobody has verified for {since:.0f} s", "Start a server, or a worker with beat.")
    found = LedgerFinding.objects.count()
    if found:
        yield warning(f"the patrol remembers {found} findings", "manage.py verify_ledger, and backend/docs/banking.md.")
    else:
        yield fine("the patrol has found nothing")


def partner_keys() -> Iterator[Finding]:
    now = datetime.now(UTC)
    ending = APIKey.objects.filter(revoked=False, expiry_date__lt=now + SOON).order_by("expiry_date")
    for key in ending[:5]:
        when = "has ended" if key.expiry_date and key.expiry_date < now else "ends soon"
        yield warning(f"the key {key.prefix} {when} ({key.expiry_date:%Y-%m-%d})", "Give that partner a new one.")
    if not ending:
        yield fine("no key ends soon")
