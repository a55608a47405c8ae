"""Who stands at the partner door: a key in `X-Api-Key`, and the bank it works for (S4-B1, BUG-S4-20)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from backend.banking.errors import AccountClosed, AccountFrozen, ExternalIdTaken, InvalidAmount, MoveRefused
from backend.banking.partner_errors import CustomerPaused, FrozenByTheBank, KeyWithoutBank
from backend.banking.partners import PartnerPrincipal
from backend.banking.services.credit_lines import default_bank
from backend.common.errors import DomainError
from backend.common.problems import body_of
from backend.common.shapes import Public
from backend.identity.permissions import api_key

SCOPE = "partner"
BANK_OF_KEY = ("partner__bank",)
INACTIVE = (AccountFrozen, AccountClosed, CustomerPaused)


class PartnerRequest(Request):
    """A request that got past `HasBank`. Named in annotations only."""

    partner: PartnerPrincipal


class HasBank(BasePermission):
    """The key works for a bank: its own, or the one for keys that are bound to none. Raises: KeyWithoutBank."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        request.partner = partner_of(request.auth)  # type: ignore[attr-defined]
        return True


def partner_of(key: Any) -> PartnerPrincipal:
    """Return who bears the key. Raises: KeyWithoutBank."""
    bound = getattr(key, "partner", None)
    if bound is not None:
        bank = bound.bank
    elif settings.PARTNER_DEFAULT_BANK is None:
        raise KeyWithoutBank
    else:
        bank = default_bank(settings.PARTNER_DEFAULT_BANK, is_made=settings.PARTNER_DEFAULT_BANK_IS_MADE)
    return PartnerPrincipal(key_prefix=key.prefix, bank_id=bank.pk, currency=bank.currency)


class PartnerView(APIView):
    """A route for keys alone: without one it is 403 (K-13, V-3), also by `Authorization: Api-Key` (V-4).

    Each is mounted twice; `operation_suffix` tells the two apart in the documents.
    """

    authentication_classes = Public
    permission_classes = [api_key(SCOPE, reads=BANK_OF_KEY), HasBank]
    operation_suffix = ""


class Refused(APIException):
    """A rule said no, on a route whose contract documents 400 for it."""

    status_code = 400

    def __init__(self, fault: DomainError, **changed: Any) -> None:
        super().__init__()
        self.detail = {**body_of(fault), **changed}


@contextmanager
def as_400(*, customer: str = "customer_external_id", amount: str = "amount") -> Iterator[None]:
    """Answer rules by field, as S4's clients read them. `customer` and `amount` name those fields of the body."""
    try:
        yield
    except ExternalIdTaken as fault:
        raise Fields({"external_id": [fault.detail]}) from None
    except INACTIVE:
        raise Fields({customer: ["This customer is not active."]}) from None
    except InvalidAmount as fault:
        raise Fields({amount: [fault.detail]}) from None
    except FrozenByTheBank as fault:
        raise Fields({"status": [fault.detail]}) from None


class Fields(APIException):
    """Field errors of a rule: DRF's own shape."""

    status_code = 400

    def __init__(self, faults: dict[str, Any]) -> None:
        super().__init__()
        self.detail = faults


@contextmanager
def moves_as_400(move: str) -> Iterator[None]:
    """S4-R9, S4-R10: a loan that is no longer pending is 400, in the words that S4's clients look for."""
    try:
        yield
    except MoveRefused as fault:
        state = fault.extra["state"]
        detail = f"This loan is '{state}': only loans in 'pending' may be {move}."
        raise Refused(fault, detail=detail) from None
    except INACTIVE as fault:
        raise Refused(fault) from None
