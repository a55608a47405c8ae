"""Step-up tokens: that somebody has just proved who they are, for one act and its exact parameters.

    token = step_up.issue(actor=…, action="transfer.post", parameters={"amount": "10.00", …}, otp=…)
    with unit_of_work():
        step_up.require(actor=…, action="transfer.post", parameters={"amount": "10.00", …}, token=token)
        …

A token is signed, bound to the session, the action and a hash of the canonical parameters, good for
`OTP_TOKEN_EXPIRATION_TIME` seconds and for one act. The act spends it in its own transaction: an act that fails has
spent nothing, and of two acts at the same moment one happens.
"""

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction

from backend.audit import services as audit
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.errors import ParametersRefused, StepUpRequired
from backend.identity.models import SpentStepUp, User
from backend.identity.services import proofs

SALT = "ease.step-up"


def issue(
    *,
    actor: Principal,
    action: str,
    parameters: Mapping[str, Any],
    otp: str = "",
    password: str = "",
    device_token: str = "",
) -> str:
    """Check who is there and return a token for this act. Whoever has enrolled shows a code, others the password.

    Raises: ParametersRefused, and what `proofs.prove` raises.
    """
    digest = digest_of(action, parameters)
    user = User.objects.get(pk=actor.id)
    means = proofs.prove(user=user, otp=otp, password=password, device_token=device_token)
    with unit_of_work():
        audit.record(actor_id=actor.id, action="step_up.granted", target=user, facts={"for": action, "means": means})
    facts = {"u": actor.id, "s": actor.sid, "h": digest, "j": uuid.uuid4().hex}
    return signing.dumps(facts, salt=SALT)


def require(*, actor: Principal, action: str, parameters: Mapping[str, Any], token: str) -> None:
    """Spend a token that was given to this session for exactly this act, in the caller's transaction.

    Raises: StepUpRequired for a missing, forged, expired or spent token, and for one of another act, other parameters,
    another session or another person: why is not told. RuntimeError outside a transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("step_up.require needs the transaction of the act that it is for")
    try:
        facts = signing.loads(token, salt=SALT, max_age=settings.STEP_UP_SECONDS) if token else {}
    except signing.BadSignature:
        facts = {}
    fits = (facts.get("u"), facts.get("s")) == (actor.id, actor.sid)
    if not fits or not hmac.compare_digest(str(facts.get("h")), digest_of(action, parameters)):
        raise StepUpRequired(action=action)
    expires_at = datetime.now(UTC) + timedelta(seconds=settings.STEP_UP_SECONDS)
    _, fresh = SpentStepUp.objects.get_or_create(pk=uuid.UUID(facts["j"]), defaults={"expires_at": expires_at})
    if not fresh:
        raise StepUpRequired(action=action)


def digest_of(action: str, parameters: Mapping[str, Any]) -> str:
    """Return the hash of an act: the same for the same action and values, whatever the order of names.

    Numbers with a fraction are written as text (`"10.00"`), and are compared as written. Raises: ParametersRefused.
    """
    try:
        text = json.dumps(
            {"action": action, "parameters": _plain(parameters)},
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=True,
            allow_nan=False,
        )
    except (TypeError, ValueError, RecursionError) as fault:
        raise ParametersRefused from fault
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Return the value in the one form it has as JSON."""
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("names are text")
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, float):
        raise TypeError("a number with a fraction has more than one form")
    return value
