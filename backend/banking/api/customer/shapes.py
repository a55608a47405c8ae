"""What goes in and out of the customer door. Rows become JSON as they are read; `…Out` name them."""

from decimal import Decimal
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from backend.banking.api.shapes import Money
from backend.banking.limits import limits_of
from backend.banking.models import (
    Account,
    AccountStatus,
    Bank,
    PostingKind,
    Rhythm,
    Schedule,
    ScheduleState,
    Transfer,
    TransferState,
    VoidReason,
)
from backend.banking.payees import PayeeMatch
from backend.banking.selectors import people
from backend.banking.services.statements import line_of
from backend.common.cursors import CURSOR_HELP
from backend.common.keysets import Row
from backend.common.rendering import TextField
from backend.common.shapes import Detail

TAG, DESK_TAG = "banking", "banking desk"
CENT = Decimal("0.01")
PAGED = [
    OpenApiParameter("cursor", str, description=CURSOR_HELP),
    OpenApiParameter("page_size", int, description="1 to 100; 20 if not said."),
]
STEP_UP = OpenApiParameter(
    "X-Step-Up-Token",
    str,
    OpenApiParameter.HEADER,
    description="From `POST /api/auth/step-up/`, for the action and parameters that the 403 `step_up_required` names.",
)
INVALID = OpenApiResponse(dict[str, list[str]], description="What is wrong with each field.")
REFUSED = OpenApiResponse(Detail, description="A rule says no; `code` says which.")
NOT_VERIFIED = OpenApiResponse(Detail, description="`kyc_required`: not verified.")


def amount_field(**kwargs: Any) -> Money:
    return Money(min_value=CENT, **kwargs)


class BankChoiceOut(serializers.Serializer[Any]):
    bank_id = serializers.UUIDField()
    bank_name = serializers.CharField()
    city = serializers.CharField(allow_null=True)
    state = serializers.CharField(allow_null=True)
    country = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    time_zone = serializers.CharField(help_text="Whose midnight begins the banking day.")
    transfer_max = serializers.CharField(help_text="What one transfer may be.")
    transfer_day_max = serializers.CharField(help_text="What may leave an account in a banking day.")
    step_up_from = serializers.CharField(help_text="From which sum on, sent to others in a day, a token is asked for.")


class OwnAccountOut(serializers.Serializer[Any]):
    account_id = serializers.UUIDField()
    bank_id = serializers.UUIDField()
    bank_name = serializers.CharField()
    account_number = serializers.CharField()
    currency = serializers.CharField()
    balance = serializers.CharField()
    held = serializers.CharField(help_text="Promised away: by transfers that are being checked.")
    available = serializers.CharField()
    status = serializers.ChoiceField(choices=AccountStatus.choices)
    status_reason = serializers.CharField(allow_blank=True, help_text="Why it is frozen or closed.")
    in_budget = serializers.BooleanField(help_text="What moves here stands in one's budget.")
    date_opened = serializers.DateField()
    created_at = serializers.DateTimeField()


class MovementOut(serializers.Serializer[Any]):
    entry_id = serializers.IntegerField()
    date = serializers.DateField(help_text="The banking day.")
    timestamp = serializers.DateTimeField()
    what = serializers.ChoiceField(choices=PostingKind.choices)
    amount = serializers.CharField(help_text="Above zero in, below out.")
    balance = serializers.CharField(help_text="Behind this entry.")
    counterparty = serializers.CharField(allow_blank=True)
    counterparty_account = serializers.CharField(allow_blank=True)
    memo = serializers.CharField(allow_blank=True)
    transfer_id = serializers.UUIDField(allow_null=True)


class StatementOut(serializers.Serializer[Any]):
    account_id = serializers.UUIDField()
    account_number = serializers.CharField()
    bank_name = serializers.CharField()
    holder = serializers.CharField()
    month = serializers.CharField()
    time_zone = serializers.CharField(help_text="Whose month it is.")
    currency = serializers.CharField()
    opening_balance = serializers.CharField()
    closing_balance = serializers.CharField(help_text="The opening balance and all lines.")
    is_final = serializers.BooleanField(help_text="The month is over.")
    made_at = serializers.DateTimeField()
    lines = MovementOut(many=True)


class StatementMonthOut(serializers.Serializer[Any]):
    account_id = serializers.UUIDField()
    account_number = serializers.CharField()
    bank_name = serializers.CharField()
    month = serializers.CharField()
    is_final = serializers.BooleanField()


class SideOut(serializers.Serializer[Any]):
    account_id = serializers.UUIDField(allow_null=True, help_text="Of one's own account.")
    account_number = serializers.CharField()
    bank_id = serializers.UUIDField()
    bank_name = serializers.CharField()
    name = serializers.CharField(allow_blank=True, help_text="Whoever sent it; of a payee, what the sender wrote.")


class TransferOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=TransferState.choices, help_text="Held: it is being checked.")
    reason = serializers.ChoiceField(choices=VoidReason.choices, allow_blank=True, help_text="Why it was voided.")
    direction = serializers.ChoiceField(choices=["out", "in", "own"])
    amount = serializers.CharField()
    currency = serializers.CharField()
    memo = serializers.CharField(allow_blank=True)
    target = SideOut()
    booked_on = serializers.DateField(help_text="The banking day at the source.")
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    schedule_id = serializers.UUIDField(allow_null=True, help_text="The plan behind it, to its owner.")
    due_on = serializers.DateField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "source": SideOut()}


class ScheduleOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    source_number = serializers.CharField()
    bank = serializers.UUIDField(help_text="The payee's.")
    bank_name = serializers.CharField()
    account_number = serializers.CharField(help_text="The payee's.")
    payee_name = serializers.CharField(allow_blank=True)
    amount = serializers.CharField()
    currency = serializers.CharField()
    memo = serializers.CharField(allow_blank=True)
    rhythm = serializers.ChoiceField(choices=Rhythm.choices)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(allow_null=True)
    time_zone = serializers.CharField(help_text="Whose days these are.")
    state = serializers.ChoiceField(choices=ScheduleState.choices)
    due_on = serializers.DateField(allow_null=True, help_text="The next one.")
    due_at = serializers.DateTimeField(allow_null=True, help_text="When it is tried (again).")
    attempts = serializers.IntegerField(help_text="How often the next one has failed.")
    failure = serializers.CharField(allow_blank=True, help_text="The code of what failed last.")
    created_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "source": serializers.UUIDField(help_text="The account that the money leaves.")}


class PayeeFields(serializers.Serializer[Any]):
    """Whom it is for: another account of one's own by its id, or anybody's by bank and number."""

    target = serializers.UUIDField(required=False, help_text="Another own account.")
    bank = serializers.UUIDField(required=False)
    account_number = TextField(max_length=255, required=False)
    payee_name = TextField(max_length=128, required=False, allow_blank=True, help_text="What one calls the payee.")
    amount = amount_field()
    memo = TextField(max_length=140, required=False, allow_blank=True, help_text="Both sides read it.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"source": serializers.UUIDField(help_text="The account that the money leaves."), **super().get_fields()}

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("target" in given) == ("bank" in given or "account_number" in given):
            raise serializers.ValidationError({"target": ["Name a target of your own, or bank and account_number."]})
        if ("bank" in given) != ("account_number" in given):
            missing = "account_number" if "bank" in given else "bank"
            raise serializers.ValidationError({missing: ["Bank and account number go together."]})
        return given


class SendingIn(PayeeFields):
    pass


class ScheduleIn(PayeeFields):
    rhythm = serializers.ChoiceField(choices=Rhythm.choices)
    starts_on = serializers.DateField(help_text="Monthly: also the day of the month, else its last.")
    ends_on = serializers.DateField(required=False, allow_null=True)


class PayeeCheckIn(serializers.Serializer[Any]):
    bank = serializers.UUIDField()
    account_number = TextField(max_length=255)
    name = TextField(max_length=128)


class PayeeCheckOut(serializers.Serializer[Any]):
    result = serializers.ChoiceField(choices=[(one.value, one.name.lower()) for one in PayeeMatch])


class ReasonIn(serializers.Serializer[Any]):
    reason = TextField(max_length=200, help_text="The holder reads it.")


class CloseIn(serializers.Serializer[Any]):
    reason = TextField(max_length=200, required=False, allow_blank=True, default="", help_text="Needed from staff.")


class AmountIn(serializers.Serializer[Any]):
    amount = amount_field()


class CounterOut(serializers.Serializer[Any]):
    posting_id = serializers.IntegerField()
    what = serializers.ChoiceField(choices=PostingKind.choices)
    amount = serializers.CharField()
    currency = serializers.CharField()
    account_id = serializers.UUIDField()
    balance = serializers.CharField()
    available = serializers.CharField()
    booked_on = serializers.DateField()


class AccountStateOut(serializers.Serializer[Any]):
    account_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=AccountStatus.choices)
    status_reason = serializers.CharField(allow_blank=True)


def bank_row(row: Row) -> Row:
    ours = ("transfer_max", "transfer_day_max", "step_up_from")
    limits = limits_of(Bank(**{name: row[name] for name in ours}))
    shown = {name: value for name, value in row.items() if name not in {*ours, "created_at"}}
    return {
        **shown,
        "transfer_max": str(limits.transfer_max),
        "transfer_day_max": str(limits.day_max),
        "step_up_from": str(limits.step_up_from),
    }


def account_row(row: Row) -> Row:
    shown = {name: value for name, value in row.items() if not name.startswith("bank__")}
    return {**shown, "bank_name": row["bank__bank_name"], "available": row["balance"] - row["held"]}


def row_of(thing: Account | Bank | Transfer | Schedule, names: tuple[str, ...]) -> Row:
    """Return what a query for these names would have returned."""
    return {name: reduce(getattr, name.split("__"), thing) for name in names}


def entry_row(row: Row, account: Account) -> Row:
    line = line_of(row, account.pk, ZoneInfo(account.bank.time_zone))
    return {
        "entry_id": line.entry_id,
        "date": line.day,
        "timestamp": line.at,
        "what": line.what,
        "amount": line.amount,
        "balance": line.balance,
        "counterparty": line.counterparty,
        "counterparty_account": line.counterparty_account,
        "memo": line.memo,
        "transfer_id": line.transfer_id,
    }


def transfer_row(row: Row, user_id: int) -> Row:
    """Return a transfer as this person may see it: a payee's name is never shown to a sender, who reads what they wrote
    themselves; a plan is its owner's."""
    sends = row["source__customer__user_id"] == user_id
    direction = ("own" if row["is_own"] else "out") if sends else "in"
    sender = f"{row['source__customer__first_name']} {row['source__customer__last_name']}".strip()
    plain = ("id", "state", "reason", "amount", "currency", "memo", "booked_on", "created_at", "decided_at")
    return {
        **{name: row[name] for name in plain},
        "direction": direction,
        "source": _side(row, "source", name=sender, is_own=sends),
        "target": _side(row, "target", name=row["payee_name"] if sends else "", is_own=row["is_own"] or not sends),
        "schedule_id": row["schedule_id"] if sends else None,
        "due_on": row["due_on"] if sends else None,
    }


def schedule_row(row: Row) -> Row:
    plain = (
        *("id", "payee_name", "amount", "currency", "memo", "rhythm", "starts_on", "ends_on", "state", "due_on"),
        *("due_at", "attempts", "failure", "created_at"),
    )
    return {
        **{name: row[name] for name in plain},
        "source": row["source_id"],
        "source_number": row["source__account_number"],
        "bank": row["target__bank_id"],
        "bank_name": row["target__bank__bank_name"],
        "account_number": row["target__account_number"],
        "time_zone": row["source__bank__time_zone"],
    }


def transfer_of(transfer: Transfer, user_id: int) -> Row:
    return transfer_row(row_of(transfer, people.TRANSFER), user_id)


def _side(row: Row, side: str, *, name: str, is_own: bool) -> Row:
    return {
        "account_id": row[f"{side}_id"] if is_own else None,
        "account_number": row[f"{side}__account_number"],
        "bank_id": row[f"{side}__bank_id"],
        "bank_name": row[f"{side}__bank__bank_name"],
        "name": name,
    }
