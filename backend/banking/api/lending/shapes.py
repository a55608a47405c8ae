"""What goes in and out of lending. Rows become JSON as they are read; `…Out` name them."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from backend.banking.amortisation import DayCount, Method
from backend.banking.api.shapes import Money
from backend.banking.models import ApplicationStatus, Effect, LoanState, LoanStatus, Purpose, RepaymentKind, RiskBand
from backend.banking.models.applications import MONTHS_MAX, RATE_MAX
from backend.common.cursors import CURSOR_HELP
from backend.common.rendering import TextField
from backend.common.shapes import Detail

TAG, DESK_TAG = "lending", "lending desk"
METHODS = [one.value for one in Method]
INSTALMENT_STATES = ["paid", "upcoming", "due", "late", "written_off"]
DAY_COUNTS = [one.value for one in DayCount]
LEAST = Decimal("0.01")
DAYS_MAX = 3650

REFUSED = OpenApiResponse(dict[str, list[str]], description="What is wrong with each field.")
RULE = OpenApiResponse(Detail, description="A rule says no; `code` says which.")
STATE = OpenApiResponse(Detail, description="The present state does not allow it; `code` says why.")
CURSOR = [OpenApiParameter("cursor", str, description=CURSOR_HELP), OpenApiParameter("page_size", int)]
OF_BANK = OpenApiParameter("bank", str, description="A bank's id.")


class Rate(serializers.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=7, decimal_places=4, **kwargs)


class Percent(serializers.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=7, decimal_places=2, **kwargs)


# In


class LoanTermsIn(serializers.Serializer[Any]):
    amount = Money(min_value=LEAST)
    months = serializers.IntegerField(min_value=1, max_value=MONTHS_MAX)
    method = serializers.ChoiceField(choices=METHODS, default=Method.ANNUITY.value)


class LoanApplicationIn(LoanTermsIn):
    account = serializers.UUIDField(help_text="One's own, open one: the loan is paid out to it and back from it.")
    product = serializers.UUIDField()
    purpose = serializers.ChoiceField(choices=Purpose.choices)


class LoanRejectionIn(serializers.Serializer[Any]):
    reason = TextField(max_length=300, help_text="The person reads it.")


class LoanChargeOffIn(serializers.Serializer[Any]):
    reason = TextField(max_length=300, help_text="For the trail.")


class LoanRepaymentIn(serializers.Serializer[Any]):
    """What each kind takes: `instalment` its number; `early` an amount and its effect; `payoff` the amount that one
    expects to pay, if it must not be another."""

    kind = serializers.ChoiceField(choices=RepaymentKind.choices)
    number = serializers.IntegerField(required=False, min_value=1, max_value=MONTHS_MAX)
    amount = Money(required=False, min_value=LEAST)
    effect = serializers.ChoiceField(choices=Effect.choices, default=Effect.LOWER_INSTALMENTS.value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = {RepaymentKind.INSTALMENT: "number", RepaymentKind.EARLY: "amount"}.get(attrs["kind"])
        if needed and needed not in attrs:
            raise serializers.ValidationError({needed: ["This kind of repayment takes it."]})
        return attrs


class LoanProductChangeIn(serializers.Serializer[Any]):
    name = TextField(max_length=80, required=False)
    annual_rate = Rate(required=False, min_value=0, max_value=RATE_MAX)
    amount_min = Money(required=False, min_value=LEAST)
    amount_max = Money(required=False, min_value=LEAST)
    months_min = serializers.IntegerField(required=False, min_value=1, max_value=MONTHS_MAX)
    months_max = serializers.IntegerField(required=False, min_value=1, max_value=MONTHS_MAX)
    grace_days = serializers.IntegerField(required=False, min_value=0, max_value=DAYS_MAX)
    charge_off_days = serializers.IntegerField(required=False, min_value=1, max_value=DAYS_MAX)
    is_open = serializers.BooleanField(required=False, help_text="A closed product is offered to nobody any more.")


class LoanProductIn(LoanProductChangeIn):
    bank = serializers.UUIDField()
    name = TextField(max_length=80)
    annual_rate = Rate(min_value=0, max_value=RATE_MAX, help_text="In percent.")
    day_count = serializers.ChoiceField(choices=DAY_COUNTS, default=DayCount.THIRTY_360.value)
    currency = serializers.RegexField("^[A-Z]{3}$", required=False, help_text="Default: the bank's.")
    amount_min = Money(min_value=LEAST)
    amount_max = Money(min_value=LEAST)
    months_max = serializers.IntegerField(min_value=1, max_value=MONTHS_MAX)


# Out


class LoanProductOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    bank = serializers.UUIDField()
    bank_name = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    annual_rate = Rate(help_text="In percent.")
    day_count = serializers.ChoiceField(choices=DAY_COUNTS)
    amount_min = Money()
    amount_max = Money()
    months_min = serializers.IntegerField()
    months_max = serializers.IntegerField()
    grace_days = serializers.IntegerField(help_text="So long behind its due date an instalment is not late yet.")
    charge_off_days = serializers.IntegerField(help_text="So long behind it the bank may give the loan up.")
    is_open = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class PlannedOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    due_on = serializers.DateField()
    payment = Money()
    principal = Money()
    interest = Money()
    balance = Money(help_text="What is owed behind it.")


class LoanQuoteOut(serializers.Serializer[Any]):
    """What a loan would cost if it were paid out today."""

    amount = Money()
    currency = serializers.CharField()
    months = serializers.IntegerField()
    method = serializers.ChoiceField(choices=METHODS)
    day_count = serializers.ChoiceField(choices=DAY_COUNTS)
    annual_rate = Rate()
    apr = Percent(help_text="The effective annual rate, in percent.")
    total_interest = Money()
    total = Money(help_text="All that is paid back.")
    instalments = PlannedOut(many=True)


class LoanApplicationOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=ApplicationStatus.choices)
    reason = serializers.CharField(help_text="Why it was rejected.")
    loan = serializers.UUIDField()
    loan_state = serializers.ChoiceField(choices=LoanState.choices)
    account = serializers.UUIDField()
    account_number = serializers.CharField()
    bank = serializers.UUIDField()
    bank_name = serializers.CharField()
    product = serializers.UUIDField()
    product_name = serializers.CharField()
    amount = Money()
    currency = serializers.CharField()
    months = serializers.IntegerField()
    method = serializers.ChoiceField(choices=METHODS)
    annual_rate = Rate()
    day_count = serializers.ChoiceField(choices=DAY_COUNTS)
    purpose = serializers.CharField()
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


class LoanApplicantOut(serializers.Serializer[Any]):
    customer = serializers.UUIDField()
    name = serializers.CharField()
    kyc_status = serializers.CharField(allow_null=True)
    credit_score = serializers.DecimalField(max_digits=20, decimal_places=2, allow_null=True)
    annual_income = serializers.IntegerField(allow_null=True)
    monthly_debt = Money(allow_null=True)
    balance = Money()


class ApplicationScoreOut(serializers.Serializer[Any]):
    """What the loan model said when the loan was asked for (docs/model.md). It advises; people decide."""

    prediction = serializers.ChoiceField(choices=LoanStatus.choices)
    probability = serializers.DecimalField(max_digits=5, decimal_places=4, help_text="Of full repayment.")
    risk_band = serializers.ChoiceField(choices=RiskBand.choices)
    model_version = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())
    outside = serializers.ListField(child=serializers.CharField())


class DeskLoanApplicationOut(LoanApplicationOut):
    applicant = LoanApplicantOut()
    score = ApplicationScoreOut(allow_null=True, help_text="Null where the model could not be used.")
    decided_by = serializers.IntegerField(allow_null=True)


class LentOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=LoanState.choices)
    account = serializers.UUIDField()
    account_number = serializers.CharField()
    bank = serializers.UUIDField()
    bank_name = serializers.CharField()
    amount = Money()
    outstanding = Money(help_text="The principal that is still owed.")
    currency = serializers.CharField()
    purpose = serializers.CharField()
    annual_rate = Rate()
    apr = Percent()
    day_count = serializers.ChoiceField(choices=DAY_COUNTS)
    method = serializers.ChoiceField(choices=METHODS)
    months = serializers.IntegerField()
    grace_days = serializers.IntegerField()
    started_on = serializers.DateField()
    interest_from = serializers.DateField(help_text="Interest is settled up to this day.")
    level = Money(
        help_text="What the instalments have in common: an annuity's payment, else the part of the principal."
    )
    next_due_on = serializers.DateField(allow_null=True)
    next_amount = Money(allow_null=True)
    standing = serializers.ChoiceField(
        choices=["current", "due", "late"], allow_null=True, help_text="`late` behind the days of grace."
    )
    days_overdue = serializers.IntegerField()
    may_be_charged_off_on = serializers.DateField(allow_null=True)


class InstalmentOut(PlannedOut):
    state = serializers.ChoiceField(choices=INSTALMENT_STATES)
    paid_on = serializers.DateField(allow_null=True)


class LentTotalsOut(serializers.Serializer[Any]):
    """Over the schedule as it stands, paid instalments included; what was repaid early is not among them."""

    payment = Money()
    principal = Money()
    interest = Money()


class LentWithScheduleOut(LentOut):
    totals = LentTotalsOut()
    instalments = InstalmentOut(many=True)


class BorrowerOut(serializers.Serializer[Any]):
    customer = serializers.UUIDField()
    name = serializers.CharField()


class RunningLentOut(LentOut):
    borrower = BorrowerOut()


class DeskLentOut(LentWithScheduleOut):
    borrower = BorrowerOut()


class LoanPayoffOut(serializers.Serializer[Any]):
    on = serializers.DateField(help_text="The bank's day for which this holds.")
    principal = Money()
    due_interest = Money(help_text="Of instalments that are due.")
    accrued_interest = Money(help_text="On the rest, up to this day.")
    total = Money()


class LoanRepaymentOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    loan = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=RepaymentKind.choices)
    effect = serializers.CharField(help_text="Of an early one.")
    is_automatic = serializers.BooleanField(help_text="Collected on its day.")
    amount = Money()
    principal = Money()
    interest = Money()
    outstanding = Money(help_text="What was owed afterwards.")
    currency = serializers.CharField()
    on = serializers.DateField()
    created_at = serializers.DateTimeField()
