"""Reading cases, documents and people for those who review them. Raise Forbidden for everybody else (K-26)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from backend.audit import selectors as audit
from backend.common.errors import Forbidden, NotFound
from backend.common.principal import BANK_ADMIN, Principal
from backend.identity.models import User, UserRole
from backend.kyc.models import Case, Document

LATELY = timedelta(hours=24)


def list_cases(*, actor: Principal, assigned: str = "", risk: str = "", document_type: str = "") -> QuerySet[Case]:
    """Open cases but one's own, the longest waiting first. `assigned`: `me`, `nobody`, else all."""
    _require_reviewer(actor)
    cases = Case.objects.filter(decided_at=None).exclude(user_id=actor.id)
    if assigned == "me":
        cases = cases.filter(assigned_to_id=actor.id)
    elif assigned == "nobody":
        cases = cases.filter(assigned_to=None)
    if risk:
        cases = cases.filter(user__risk_profile=risk)
    if document_type:
        waiting = Document.objects.filter(
            user_id=OuterRef("user_id"), document_type=document_type, verification_status=Document.Status.PENDING
        )
        cases = cases.filter(Exists(waiting))
    return cases.select_related("user").order_by("opened_at", "id")


def get_open_case(*, actor: Principal, user_id: int) -> Case:
    """Return a person's open case, with who has it. One's own is not for oneself. Raises: Forbidden, NotFound."""
    _require_reviewer(actor)
    cases = Case.objects.filter(user_id=user_id, decided_at=None).exclude(user_id=actor.id)
    found = cases.select_related("user", "assigned_to", "first_approved_by").first()
    if found is None:
        raise NotFound
    return found


def history_of(*, actor: Principal, user_id: int) -> QuerySet[Case]:
    """The person's decided cases, newest first. Raises: Forbidden."""
    _require_reviewer(actor)
    return Case.objects.filter(user_id=user_id).exclude(decided_at=None).exclude(user_id=actor.id).order_by("-id")


def documents_of(*, actor: Principal, user_id: int) -> QuerySet[Document]:
    """A person's documents for review, newest first. Raises: Forbidden."""
    _require_reviewer(actor)
    return Document.objects.filter(user_id=user_id).exclude(user_id=actor.id).order_by("-id")


def list_documents(*, actor: Principal, status: str = "", document_type: str = "") -> QuerySet[Document]:
    """Everybody's documents, newest first (S2-R13)."""
    _require_reviewer(actor)
    documents = Document.objects.select_related("user")
    if status:
        documents = documents.filter(verification_status=status)
    if document_type:
        documents = documents.filter(document_type=document_type)
    return documents.order_by("-id")


def get_document(*, actor: Principal, document_id: int) -> Document:
    """Return a document for review. One's own is not for oneself to review. Raises: Forbidden, NotFound."""
    _require_reviewer(actor)
    found = Document.objects.select_related("file").exclude(user_id=actor.id).filter(pk=document_id).first()
    if found is None:
        raise NotFound
    return found


def list_people(*, actor: Principal, kyc_status: str = "", risk: str = "", search: str = "") -> QuerySet[User]:
    """Everybody, the newest first (S2-R12). `search` looks at the beginnings of names, e-mail and customer id."""
    _require_reviewer(actor)
    people = User.objects.all()
    if kyc_status:
        people = people.filter(kyc_status=kyc_status)
    if risk:
        people = people.filter(risk_profile=risk)
    if search:
        beginnings = Q()
        for name in ("username", "email", "first_name", "last_name", "customer_id"):
            beginnings |= Q(**{f"{name}__istartswith": search})
        people = people.filter(beginnings)
    return people.order_by("-id")


def roles_by_person(user_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the names of the roles these people hold. One query (BUG-S2-32)."""
    found: dict[int, list[str]] = defaultdict(list)
    held = UserRole.objects.filter(user_id__in=user_ids, is_active=True, role__is_active=True)
    for user_id, name in held.order_by("role__name").values_list("user_id", "role__name"):
        found[user_id].append(name)
    return found


def documents_by_person(user_ids: Sequence[int]) -> dict[int, int]:
    """Return how many documents these people have sent. One query (BUG-S2-32)."""
    counted = Document.objects.filter(user_id__in=user_ids).order_by().values("user_id").annotate(n=Count("*"))
    return dict(counted.values_list("user_id", "n"))


def waiting_documents(user_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return the documents of these people that wait for a decision. One query."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    waiting = Document.objects.filter(user_id__in=user_ids, verification_status=Document.Status.PENDING)
    shown = ("id", "document_type", "upload_date", "validation_score")
    for user_id, *values in waiting.order_by("pk").values_list("user_id", *shown):
        found[user_id].append(dict(zip(shown, values, strict=True)))
    return found


def statistics(*, actor: Principal) -> dict[str, int]:
    """Return the numbers of S2-R18 but for notifications; recent is 24 hours."""
    _require_reviewer(actor)
    since = datetime.now(UTC) - LATELY
    counts = User.objects.aggregate(
        total_users=Count("*"),
        pending_kyc=Count("pk", filter=Q(kyc_status=User.KycStatus.PENDING)),
        approved_kyc=Count("pk", filter=Q(kyc_status=User.KycStatus.APPROVED)),
        rejected_kyc=Count("pk", filter=Q(kyc_status=User.KycStatus.REJECTED)),
        recent_registrations=Count("pk", filter=Q(date_joined__gte=since)),
    )
    return {**counts, "recent_security_events": audit.list_security_events(since=since).count()}


def _require_reviewer(actor: Principal) -> None:
    if not actor.has_role(BANK_ADMIN):
        raise Forbidden
