"""What goes in and out of the manager door (S0-M2 to S0-M5). Rows become JSON as they are read; `…Out` name them."""

import re
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from backend.banking.api.shapes import Money
from backend.banking.models import (
    Account,
    AccountStatus,
    Bank,
    Customer,
    Door,
    HomeOwnership,
    JobYears,
    Loan,
    LoanState,
    LoanStatus,
    Term,
)
from backend.banking.selectors.customers import ACCOUNT, CUSTOMER, LOAN, row_of
from backend.common.cursors import CURSOR_HELP, page_schema
from backend.common.rendering import TextField
from backend.common.shapes import Detail

TAG = "bank"
INT4, INT8 = 2**31 - 1, 2**63 - 1
BANK = (
    *("bank_id", "bank_name", "manager", "address", "city", "state", "zip_code", "country"),
    *("currency", "time_zone", "created_at"),
)
REFUSED = OpenApiResponse(dict[str, list[str]], description="What is wrong with each field.")
STAYS = OpenApiResponse(Detail, description="Why it stays, with counts: what money history refers to is never deleted.")
PAGING = [
    OpenApiParameter("page", int, description="From 1. `count` is exact to 10,000; then `count_estimated` is true."),
    OpenApiParameter("page_size", int, description="1 to 100."),
    OpenApiParameter("cursor", str, description=f"Instead of `page`, at the same cost everywhere. {CURSOR_HELP}"),
]
OF_BANK = OpenApiParameter("bank", str, description="The id of one of several banks that one manages.")


def text(length: int, **kwargs: Any) -> TextField:
    return TextField(max_length=length, required=False, allow_null=True, allow_blank=True, **kwargs)


def count(most: int = INT4) -> serializers.IntegerField:
    return serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=most)


def choice(choices: Any) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=choices, required=False, allow_null=True)


class Currency(TextField):
    def to_internal_value(self, data: Any) -> str:
        found = super().to_internal_value(data)
        if not re.fullmatch("[A-Z]{3}", found):
            raise ValidationError("Three capital letters, such as USD.")
        return found


class BankIn(serializers.Serializer[Any]):
    """Who manages it is not said here: whoever registers it does (BUG-S0-1, BUG-S0-18)."""

    bank_name = TextField(max_length=255)
    address = text(255)
    city = text(255)
    state = text(255)
    zip_code = text(255)
    country = text(255)
    currency = Currency(required=False, help_text="Of accounts that name none. Default: USD.")
    time_zone = TextField(max_length=64, required=False, help_text="Sets the banking day. Default: UTC.")


class CustomerIn(serializers.Serializer[Any]):
    first_name = TextField(max_length=128)
    last_name = TextField(max_length=128)
    phone = text(20)
    address = text(255)
    city = text(255)
    state = text(128)
    zip_code = text(10)
    country = text(128)
    credit_score = Money(required=False, allow_null=True, min_value=0)
    annual_income = count(INT8)
    years_in_current_job = choice(JobYears.choices)
    home_ownership = choice(HomeOwnership.choices)
    years_of_credit_history = Money(max_digits=5, required=False, allow_null=True, min_value=0)
    number_of_open_accounts = count()
    number_of_credit_problems = count()
    bankruptcies = count()
    tax_liens = count()


class NewCustomerIn(CustomerIn):
    bank = serializers.UUIDField(required=False, help_text="Needed by who manages several.")


class AccountIn(serializers.Serializer[Any]):
    account_number = TextField(max_length=255)
    bank = serializers.UUIDField(required=False)
    customer = serializers.UUIDField(required=False)
    currency = Currency(required=False)
    date_opened = serializers.DateField(required=False)
    is_active = serializers.BooleanField(required=False, help_text="False is frozen.")
    monthly_debt = Money(required=False, allow_null=True, min_value=0)
    current_credit_balance = Money(required=False, allow_null=True, min_value=0)
    maximum_open_credit = count(INT8)
    months_since_last_delinquent = count()
    credit_line = Money(max_digits=12, required=False, allow_null=True, min_value=0, help_text="Null is no line.")


class AccountChangeIn(AccountIn):
    """`bank`, `customer` and `currency` may be repeated, not changed."""

    balance = serializers.JSONField(required=False, help_text="Refused: postings alone change it.")


class NewAccountIn(AccountIn):
    customer = serializers.UUIDField()
    balance = Money(required=False, allow_null=True, min_value=0, help_text="Becomes the opening posting.")


class LoanIn(serializers.Serializer[Any]):
    account = serializers.UUIDField()
    current_loan_amount = Money(min_value=Decimal("0.01"))
    term = serializers.ChoiceField(choices=Term.choices)
    purpose = TextField(max_length=255)
    loan_status = serializers.ChoiceField(
        choices=LoanStatus.choices,
        required=False,
        allow_null=True,
        help_text="How it ended: the loan is on record then. Without it, the loan is PENDING.",
    )


class LoanChangeIn(LoanIn):
    account = serializers.UUIDField(required=False, help_text="May be repeated, not changed.")


class BankOut(serializers.ModelSerializer[Bank]):
    class Meta:
        model = Bank
        fields = BANK
        read_only_fields = fields


class CustomerOut(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = CUSTOMER
        read_only_fields = fields


class AccountOut(serializers.ModelSerializer[Account]):
    is_active = serializers.BooleanField(read_only=True)
    status = serializers.ChoiceField(choices=AccountStatus.choices, read_only=True)

    class Meta:
        model = Account
        fields = (*ACCOUNT, "is_active")
        read_only_fields = fields


class LoanOut(serializers.ModelSerializer[Loan]):
    state = serializers.ChoiceField(choices=LoanState.choices, read_only=True)
    door = serializers.ChoiceField(choices=Door.choices, read_only=True)

    class Meta:
        model = Loan
        fields = LOAN
        read_only_fields = fields


def bank_row(bank: Bank) -> dict[str, Any]:
    return row_of(bank, BANK)


def customer_row(customer: Customer) -> dict[str, Any]:
    return row_of(customer, CUSTOMER)


def account_row(account: Account) -> dict[str, Any]:
    return with_activity(row_of(account, ACCOUNT))


def loan_row(loan: Loan) -> dict[str, Any]:
    return row_of(loan, LOAN)


def with_activity(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "is_active": row["status"] == AccountStatus.OPEN}


def listed_schema(name: str, row: type[serializers.Serializer[Any]]) -> PolymorphicProxySerializer:
    """Return the two shapes of a list: pages by number, and with `?cursor=` pages by cursor."""
    numbered: Any = type(
        f"{name}NumberedPage",
        (serializers.Serializer,),
        {
            "count": serializers.IntegerField(),
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": row(many=True),
            "count_estimated": serializers.BooleanField(required=False),
        },
    )()
    return PolymorphicProxySerializer(
        component_name=f"{name}List",
        serializers={"numbered": numbered, "cursor": page_schema(f"{name}CursorPage", row)},
        resource_type_field_name=None,
        many=False,
    )
