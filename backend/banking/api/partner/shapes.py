"""What the partner door takes and gives. Amounts have at most 12 digits, two of them places (BUG-S4-22)."""

from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from backend.banking.api.shapes import Money
from backend.banking.external_ids import LENGTH_MAX, fault_of
from backend.common.shapes import Detail

TAG = "partner"
REFUSED = OpenApiResponse(description="Field errors.")
FORBIDDEN = OpenApiResponse(Detail, description="No key, a bad one, or one that may not do this.")
OF_CUSTOMER = OpenApiParameter("customer_external_id", str, description="Only this customer's.")
CENT = Decimal("0.01")


def by_name(name: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.PATH)


class ExternalId(serializers.CharField):
    """The partner's name for a thing, once in its bank."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LENGTH_MAX, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        name = str(super().to_internal_value(data))
        fault = fault_of(name)
        if fault:
            raise serializers.ValidationError(fault)
        return name


class PartnerMoney(Money):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=12, **kwargs)


class NewPartnerCustomerIn(serializers.Serializer[Any]):
    external_id = ExternalId()
    score = PartnerMoney(min_value=Decimal(0), help_text="The credit line.")
    preapproved_at = serializers.DateTimeField(required=False, allow_null=True)
    status = serializers.IntegerField(required=False, help_text="Taken, and not used: a new customer is active.")


class PartnerCustomerChangeIn(serializers.Serializer[Any]):
    score = PartnerMoney(min_value=Decimal(0), required=False)
    preapproved_at = serializers.DateTimeField(required=False, allow_null=True)
    status = serializers.ChoiceField(
        choices=[(1, "active"), (2, "inactive")], required=False, help_text="Nothing is lent to whoever is inactive."
    )


class PartnerCustomerOut(serializers.Serializer[Any]):
    external_id = serializers.CharField()
    status = serializers.ChoiceField(choices=[(1, "active"), (2, "inactive")])
    score = PartnerMoney()
    preapproved_at = serializers.DateTimeField(allow_null=True)


class PartnerBalanceOut(serializers.Serializer[Any]):
    external_id = serializers.CharField()
    score = PartnerMoney()
    total_debt = Money(help_text="What pending and active loans owe.")
    available_amount = Money(help_text="What may still be lent; below zero when the line was cut.")


class NewPartnerLoanIn(serializers.Serializer[Any]):
    external_id = ExternalId()
    customer_external_id = serializers.CharField(max_length=LENGTH_MAX)
    amount = PartnerMoney(min_value=CENT)
    contract_version = serializers.CharField(max_length=30)
    maximum_payment_date = serializers.DateTimeField()
    taken_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Activating sets it anew.")


class PartnerLoanOut(serializers.Serializer[Any]):
    external_id = serializers.CharField()
    customer_external_id = serializers.CharField(allow_null=True)
    amount = Money()
    outstanding = Money()
    status = serializers.ChoiceField(
        choices=[(1, "pending"), (2, "active"), (3, "rejected"), (4, "paid"), (5, "charged off")]
    )
    contract_version = serializers.CharField()
    taken_at = serializers.DateTimeField(allow_null=True)
    maximum_payment_date = serializers.DateTimeField(allow_null=True)


class NewPartnerPaymentIn(serializers.Serializer[Any]):
    external_id = ExternalId()
    customer_external_id = serializers.CharField(max_length=LENGTH_MAX)
    total_amount = PartnerMoney(min_value=CENT)


class PartnerPaymentDetailOut(serializers.Serializer[Any]):
    loan_external_id = serializers.CharField(allow_null=True)
    amount = Money()


class PartnerPaymentOut(serializers.Serializer[Any]):
    external_id = serializers.CharField(allow_null=True)
    customer_external_id = serializers.CharField(allow_null=True)
    total_amount = Money()
    status = serializers.ChoiceField(choices=[(1, "completed"), (2, "rejected")])
    paid_at = serializers.DateTimeField(allow_null=True)
    payment_details = PartnerPaymentDetailOut(many=True)


# `errors` is a name that a serializer's class has taken.
UploadedOut = type(
    "UploadedOut",
    (serializers.Serializer,),
    {
        "created": serializers.ListField(child=serializers.CharField(), help_text="In the order of the file."),
        "errors": serializers.ListField(
            child=serializers.JSONField(),
            help_text='`"Line 3: expected 2 or 3 columns, found 1."`, or `{"Line 4": {"score": ["…"]}}`.',
        ),
    },
)
