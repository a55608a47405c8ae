"""A person's risk profile, derived from how alerts about them ended and from their verification (S2-M1, S2-B29).

HIGH: an alert of the last year was fraud. MEDIUM: a grave one is undecided, or three of the last 90 days were not
cleared, or the verification was rejected or has run out. Else LOW. Nobody sets it by hand.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from backend.audit import services as audit
from backend.common.unit_of_work import unit_of_work
from backend.fraud import selectors
from backend.fraud.models import FraudAlert
from backend.identity.models import User

MANY = 3
STEP = 500
LOOKED_BACK = timedelta(days=370)
Risk, Kyc = User.RiskProfile, User.KycStatus


def profile_of(facts: Mapping[str, int], *, kyc_status: str) -> str:
    if facts["confirmed"]:
        return Risk.HIGH
    is_unverified = kyc_status in (Kyc.REJECTED, Kyc.EXPIRED)
    if facts["grave_open"] or facts["recent"] >= MANY or is_unverified:
        return Risk.MEDIUM
    return Risk.LOW


def refresh_profile(*, user_id: int) -> bool:
    """Derive a person's profile anew; return whether it changed, which is audited. Repeating changes nothing.

    Locks: the user row.
    """
    with unit_of_work():
        user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
        if user is None:
            return False
        facts = selectors.risk_facts(user_id, now=datetime.now(UTC))
        derived = profile_of(facts, kyc_status=user.kyc_status)
        if derived == user.risk_profile:
            return False
        old, user.risk_profile = user.risk_profile, derived
        user.save(update_fields=["risk_profile", "updated_at"])
        said = {"old": old, "new": derived, "kyc_status": user.kyc_status, **facts}
        audit.record(actor_id=None, action="user.risk_changed", target=user, facts=said)
    return True


def refresh_all() -> int:
    """Derive the profiles of all whom an alert or their verification may have moved; return how many changed.

    In steps, each person in a transaction of their own: it can be stopped and run again at any time.
    """
    edge = datetime.now(UTC) - LOOKED_BACK
    alerted = FraudAlert.objects.filter(user=OuterRef("pk"), created_at__gte=edge)
    moved = ~Q(risk_profile=Risk.LOW) | Q(kyc_status__in=[Kyc.REJECTED, Kyc.EXPIRED]) | Exists(alerted)
    changed, after = 0, 0
    while ids := list(User.objects.filter(moved, pk__gt=after).order_by("pk").values_list("pk", flat=True)[:STEP]):
        changed += sum(refresh_profile(user_id=user_id) for user_id in ids)
        after = ids[-1]
    return changed
