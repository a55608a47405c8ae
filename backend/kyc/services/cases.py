"""Cases: opened by a document, claimed by a reviewer, decided by one, or above LOW risk by two."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db.models import Q

from backend.audit import services as audit
from backend.common import hooks
from backend.common.errors import Forbidden
from backend.common.principal import BANK_ADMIN, Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.identity.models import User
from backend.identity.services import sessions
from backend.kyc.errors import (
    AlreadyReviewed,
    CaseClaimed,
    CaseUnknown,
    NothingToReview,
    OwnCase,
    ReasonMissing,
    SecondPersonNeeded,
)
from backend.kyc.models import COUNTING, Case, Document
from backend.notifications import services as notifications
from backend.notifications.notices import (
    KycClaimed,
    KycDecided,
    KycDocumentsRequested,
    KycReady,
    KycReviewed,
    KycSecondPersonNeeded,
    KycSubmitted,
)

COMPLETE_SET = (Document.Type.GOVERNMENT_ID, Document.Type.UTILITY_BILL)
NOT_LOW = (User.RiskProfile.MEDIUM, User.RiskProfile.HIGH)


def open_case(unit: UnitOfWork, *, user: User, document: Document) -> Case:
    """Open the person's case, or add to the open one, in the caller's unit of work, which holds the user row.

    After commit: `kyc.submitted` to the desk, and `kyc.ready` when the set is complete (S2-B21).
    """
    case = Case.objects.filter(user=user, decided_at=None).first() or Case.objects.create(user=user)
    notice = KycSubmitted(
        case_id=case.pk, user_id=user.pk, user=user.get_short_name(), document_type=document.document_type
    )
    notifications.tell(unit, topics=[notifications.DESK_BANK_ADMIN], notice=notice)
    if document.document_type in COMPLETE_SET and _is_complete(user):
        ready = KycReady(case_id=case.pk, user_id=user.pk, user=user.get_short_name())
        notifications.tell(unit, topics=[notifications.DESK_BANK_ADMIN], notice=ready)
    return case


def _is_complete(user: User) -> bool:
    counting = Document.objects.filter(user=user, verification_status__in=COUNTING, document_type__in=COMPLETE_SET)
    return counting.values("document_type").distinct().count() == len(COMPLETE_SET)


def claim_case(*, actor: Principal, user_id: int) -> Case:
    """Make the caller the reviewer of an open case nobody has, and return it.

    Repeating: for its reviewer, the same case again.
    Raises: Forbidden, OwnCase, CaseUnknown, AlreadyReviewed, CaseClaimed. Locks: the user row.
    After commit: `kyc.claimed` to the desk.
    """
    with unit_of_work() as unit:
        case = _open_case_of(actor, user_id)[1]
        if case.assigned_to_id not in (None, actor.id):
            raise CaseClaimed(reviewer_id=case.assigned_to_id)
        if case.assigned_to_id is None:
            _assign(unit, case, actor)
    return case


def release_case(*, actor: Principal, user_id: int) -> None:
    """Give a case back to the queue. Repeating it changes nothing. Raises: as `claim_case`. Locks: the user row.

    After commit: `kyc.claimed` to the desk, of nobody.
    """
    with unit_of_work() as unit:
        case = _open_case_of(actor, user_id)[1]
        if case.assigned_to_id not in (None, actor.id):
            raise CaseClaimed(reviewer_id=case.assigned_to_id)
        if case.assigned_to_id is not None:
            _unassign(unit, case, by_id=actor.id)


def approve(*, actor: Principal, user_id: int) -> User:
    """Approve a person, and return them. Above LOW risk the first approval is kept and they stay PENDING.

    Deciding claims: whoever decides takes the case, also from a colleague who has only claimed it.
    Raises: Forbidden, OwnCase, CaseUnknown, AlreadyReviewed (a colleague was faster), NothingToReview,
    SecondPersonNeeded.
    Locks: the user row, so that of two reviewers at once one decides (E-ADM-1).
    After commit: `kyc.decided` to the person, or `kyc.second_person_needed` to the desk.
    """
    with unit_of_work() as unit:
        user, case = _open_case_of(actor, user_id)
        if not Document.objects.filter(user=user, verification_status=Document.Status.PENDING).exists():
            raise NothingToReview
        if case.first_approved_by_id == actor.id:
            raise SecondPersonNeeded
        if user.risk_profile in NOT_LOW and case.first_approved_at is None:
            _approve_first(unit, actor, user, case)
            return user
        _decide(unit, actor, user, case, decision=Case.Decision.APPROVED)
    return user


def reject(*, actor: Principal, user_id: int, reason: str) -> User:
    """Reject a person with a reason, which they are told, and return them.

    Raises: Forbidden, OwnCase, CaseUnknown, AlreadyReviewed, ReasonMissing. Locks: the user row.
    After commit: `kyc.decided` to the person.
    """
    if not reason.strip():
        raise ReasonMissing
    with unit_of_work() as unit:
        user, case = _open_case_of(actor, user_id)
        _decide(unit, actor, user, case, decision=Case.Decision.REJECTED, reason=reason.strip())
    return user


def request_documents(*, actor: Principal, user_id: int, document_types: Sequence[str], reason: str) -> User:
    """Have the person send documents of these types (again): those that wait are refused with the reason, the case
    goes on, and what was approved so far is forgotten.

    Raises: Forbidden, OwnCase, CaseUnknown, AlreadyReviewed, ReasonMissing. Locks: the user row.
    After commit: `kyc.documents_requested` to the person.
    """
    if not reason.strip() or not document_types:
        raise ReasonMissing
    with unit_of_work() as unit:
        user, case = _open_case_of(actor, user_id)
        now = datetime.now(UTC)
        Document.objects.filter(
            user=user, document_type__in=document_types, verification_status=Document.Status.PENDING
        ).update(
            verification_status=Document.Status.REJECTED,
            verified_by_id=actor.id,
            verified_at=now,
            rejection_reason=reason.strip(),
        )
        case.first_approved_by = case.first_approved_at = None
        case.save(update_fields=["first_approved_by", "first_approved_at"])
        facts = {"document_types": sorted(document_types)}
        audit.record(actor_id=actor.id, action="kyc.documents_requested", target=user, facts=facts)
        notice = KycDocumentsRequested(document_types=sorted(document_types), reason=reason.strip())
        notifications.tell(unit, topics=[notifications.inbox_of(user.pk)], notice=notice)
    return user


def return_cases(withdrawal: hooks.Withdrawal) -> None:
    """Give the open cases of somebody who reviews no more back to the queue (E-ADM-2, E-ADM-4). A first approval of
    theirs does not count any more. Locks: those cases, by id."""
    if not withdrawal.takes(BANK_ADMIN):
        return
    user_id = withdrawal.user_id
    with unit_of_work() as unit:
        theirs = Q(assigned_to_id=user_id) | Q(first_approved_by_id=user_id)
        for case in Case.objects.select_for_update(no_key=True).filter(theirs, decided_at=None).order_by("pk"):
            if case.first_approved_by_id == user_id:
                case.first_approved_by = case.first_approved_at = None
                case.save(update_fields=["first_approved_by", "first_approved_at"])
            if case.assigned_to_id == user_id:
                _unassign(unit, case, by_id=withdrawal.by_id)


def _open_case_of(actor: Principal, user_id: int) -> tuple[User, Case]:
    """Return the person, locked, and their open case."""
    if not actor.has_role(BANK_ADMIN):
        raise Forbidden
    if user_id == actor.id:
        raise OwnCase
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise CaseUnknown
    case = Case.objects.filter(user=user, decided_at=None).first()
    if user.kyc_status != User.KycStatus.PENDING:
        raise AlreadyReviewed(user.kyc_status)
    if case is None:
        raise NothingToReview
    return user, case


def _assign(unit: UnitOfWork, case: Case, actor: Principal) -> None:
    case.assigned_to_id, case.assigned_at = actor.id, datetime.now(UTC)
    case.save(update_fields=["assigned_to", "assigned_at"])
    audit.record(actor_id=actor.id, action="kyc.case_claimed", target=case)
    _tell_claim(unit, case)


def _unassign(unit: UnitOfWork, case: Case, *, by_id: int | None) -> None:
    case.assigned_to = case.assigned_at = None
    case.save(update_fields=["assigned_to", "assigned_at"])
    audit.record(actor_id=by_id, action="kyc.case_released", target=case)
    _tell_claim(unit, case)


def _tell_claim(unit: UnitOfWork, case: Case) -> None:
    notice = KycClaimed(case_id=case.pk, user_id=case.user_id, claimed_by=case.assigned_to_id)
    notifications.tell(unit, topics=[notifications.DESK_BANK_ADMIN], notice=notice)


def _approve_first(unit: UnitOfWork, actor: Principal, user: User, case: Case) -> None:
    case.first_approved_by_id, case.first_approved_at = actor.id, datetime.now(UTC)
    case.assigned_to = case.assigned_at = None  # It is somebody else's turn.
    case.save(update_fields=["first_approved_by", "first_approved_at", "assigned_to", "assigned_at"])
    audit.record(actor_id=actor.id, action="kyc.first_approved", target=user)
    notice = KycSecondPersonNeeded(case_id=case.pk, user_id=user.pk, approved_by=actor.id)
    notifications.tell(unit, topics=[notifications.DESK_BANK_ADMIN], notice=notice)


def _decide(
    unit: UnitOfWork, actor: Principal, user: User, case: Case, *, decision: Case.Decision, reason: str = ""
) -> None:
    """Settle case, documents and person together (S2-B14)."""
    now = datetime.now(UTC)
    approved = decision == Case.Decision.APPROVED
    case.decision, case.decided_by_id, case.decided_at, case.reason = decision, actor.id, now, reason
    if case.assigned_to_id != actor.id:
        case.assigned_to_id, case.assigned_at = actor.id, now
    case.save()
    # Only those that waited: older refusals stay what they were (BUG-S2-15).
    Document.objects.filter(user=user, verification_status=Document.Status.PENDING).update(
        verification_status=Document.Status.VERIFIED if approved else Document.Status.REJECTED,
        verified_by_id=actor.id,
        verified_at=now,
        rejection_reason=reason,
    )
    user.kyc_status = User.KycStatus.APPROVED if approved else User.KycStatus.REJECTED
    user.is_account_verified = approved
    user.save(update_fields=["kyc_status", "is_account_verified", "updated_at"])
    action = "kyc.approved" if approved else "kyc.rejected"
    audit.record(actor_id=actor.id, action=action, target=user, facts={"case": case.pk})
    sessions.principal_changed(unit, user_id=user.pk)
    notice = KycDecided(kyc_status=user.kyc_status, reason=reason)
    notifications.tell(unit, topics=[notifications.inbox_of(user.pk)], notice=notice)
    settled = KycReviewed(case_id=case.pk, user_id=user.pk, kyc_status=user.kyc_status, reviewed_by=actor.id)
    notifications.tell(unit, topics=[notifications.DESK_BANK_ADMIN], notice=settled)
    hooks.kyc_decided(hooks.KycDecision(user.pk, approved, actor.id))
