"""What time does to approvals and to refused documents."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from backend.audit import services as audit
from backend.common import vault
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.identity.services import sessions
from backend.kyc.models import Case, Document
from backend.notifications import services as notifications
from backend.notifications.notices import KycExpired

STEP = 200


def expire_approvals() -> int:
    """Let approvals older than `KYC_VALID_DAYS` run out; return how many did.

    The person is EXPIRED until new documents are decided; the old ones stay as history.
    Locks: each user row, in a transaction of its own. After commit: `kyc.expired` to the person.
    """
    edge = datetime.now(UTC) - timedelta(days=settings.KYC_VALID_DAYS)
    newer = Case.objects.filter(user_id=OuterRef("user_id"), decided_at__gte=edge)
    due = Case.objects.filter(decision=Case.Decision.APPROVED, decided_at__lt=edge).exclude(Exists(newer))
    people = due.filter(user__kyc_status=User.KycStatus.APPROVED).order_by("user_id").values_list("user_id", flat=True)
    return sum(_expire(user_id) for user_id in list(people.distinct()[:STEP]))


def _expire(user_id: int) -> bool:
    with unit_of_work() as unit:
        user = User.objects.select_for_update(no_key=True).get(pk=user_id)
        if user.kyc_status != User.KycStatus.APPROVED:
            return False
        user.kyc_status, user.is_account_verified = User.KycStatus.EXPIRED, False
        user.save(update_fields=["kyc_status", "is_account_verified", "updated_at"])
        Document.objects.filter(user=user, verification_status=Document.Status.VERIFIED).update(
            verification_status=Document.Status.EXPIRED
        )
        audit.record(actor_id=None, action="kyc.expired", target=user)
        sessions.principal_changed(unit, user_id=user.pk)
        notice = KycExpired(kyc_status=user.kyc_status)
        notifications.tell(unit, topics=[notifications.inbox_of(user.pk)], notice=notice)
    return True


def delete_old_refusals() -> int:
    """Delete refused documents older than seven years, with their files (S2-B33, E-COMP-1); return how many."""
    edge = datetime.now(UTC) - timedelta(days=settings.KYC_REFUSED_KEPT_DAYS)
    with unit_of_work():
        old = Document.objects.select_for_update().filter(
            verification_status=Document.Status.REJECTED, verified_at__lt=edge
        )
        found = list(old.order_by("pk")[:STEP])
        for document in found:
            audit.record(actor_id=None, action="kyc.document_deleted", target=document, facts={"why": "retention"})
        files = [document.file_id for document in found]
        Document.objects.filter(pk__in=[document.pk for document in found]).delete()
        vault.discard(files)
    return len(found)
