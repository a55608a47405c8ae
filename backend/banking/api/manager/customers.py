"""Customers (S0-R7, S0-R13 to S0-R15), and the signed-up persons that they are."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.manager.lists import banks_in, listed
from backend.banking.api.manager.shapes import (
    OF_BANK,
    PAGING,
    REFUSED,
    STAYS,
    TAG,
    CustomerIn,
    CustomerOut,
    NewCustomerIn,
    customer_row,
    listed_schema,
)
from backend.banking.api.shapes import bad_request
from backend.banking.models import Customer
from backend.banking.selectors import banks as bank_selectors
from backend.banking.selectors import customers as selectors
from backend.banking.services import customers, joining
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest

SHARED = OpenApiResponse(
    Detail, description="Registered at other banks too (`other_banks`), so no one bank's to change."
)


class RegisteredCustomerOut(serializers.Serializer[Any]):
    message = serializers.CharField()
    id = serializers.UUIDField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "customer name": serializers.CharField()}


def _registered(request: SignedRequest) -> Customer:
    bank_selectors.require_banks(request.user)
    given = NewCustomerIn(data=request.data)
    given.is_valid(raise_exception=True)
    fields = dict(given.validated_data)
    with bad_request():
        return customers.register_customer(actor=request.user, bank_id=fields.pop("bank", None), fields=fields)


class RegisterCustomer(APIView):
    @extend_schema(
        operation_id="register_customer",
        tags=[TAG],
        description="Registers somebody at a bank that the caller manages.",
        request=NewCustomerIn,
        responses={201: RegisteredCustomerOut, 400: REFUSED, 403: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        customer = _registered(request)
        body = {"message": "Customer is registered", "id": customer.pk, "customer name": customer.name}
        return Response(body, status=status.HTTP_201_CREATED)


class Customers(APIView):
    """The customers of the banks that one manages, each once."""

    @extend_schema(
        operation_id="list_customers",
        tags=[TAG],
        description="Those who were registered last come first.",
        parameters=[OF_BANK, *PAGING],
        responses={200: listed_schema("BankCustomer", CustomerOut), 400: REFUSED},
    )
    def get(self, request: SignedRequest) -> Response:
        banks = banks_in(request)
        return listed(
            request,
            selectors.registrations_in(banks),
            lambda found: selectors.customer_rows([one.customer_id for one in found]),
            lambda after, limit: selectors.customers_after(banks, after, limit),
            at="registered_at",
            key="customer_id",
            shown=lambda row: {name: value for name, value in row.items() if name != "registered_at"},
        )

    @extend_schema(
        operation_id="create_customer",
        tags=[TAG],
        description="As `POST /api/register/customer/`, and answers the customer.",
        request=NewCustomerIn,
        responses={201: CustomerOut, 400: REFUSED, 403: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        return Response(customer_row(_registered(request)), status=status.HTTP_201_CREATED)


class OneCustomer(APIView):
    """A customer of a bank that one manages."""

    @extend_schema(operation_id="get_customer", tags=[TAG], responses={200: CustomerOut, 404: Detail})
    def get(self, request: SignedRequest, bank_customer_id: UUID) -> Response:
        return Response(customer_row(selectors.get_customer(actor=request.user, customer_id=bank_customer_id)))

    @extend_schema(
        operation_id="replace_customer",
        tags=[TAG],
        description="What is not sent stays.",
        request=CustomerIn,
        responses={200: CustomerOut, 400: REFUSED, 403: SHARED, 404: Detail},
    )
    def put(self, request: SignedRequest, bank_customer_id: UUID) -> Response:
        return self._change(request, bank_customer_id, partial=False)

    @extend_schema(
        operation_id="change_customer",
        tags=[TAG],
        request=CustomerIn,
        responses={200: CustomerOut, 400: REFUSED, 403: SHARED, 404: Detail},
    )
    def patch(self, request: SignedRequest, bank_customer_id: UUID) -> Response:
        return self._change(request, bank_customer_id, partial=True)

    @extend_schema(
        operation_id="delete_customer",
        tags=[TAG],
        description="Ends what the caller's banks have with them: registration, accounts that never had money, "
        "loans on record. What other banks have stays.",
        responses={204: None, 404: Detail, 409: STAYS},
    )
    def delete(self, request: SignedRequest, bank_customer_id: UUID) -> Response:
        customers.delete_customer(actor=request.user, customer_id=bank_customer_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: SignedRequest, customer_id: UUID, *, partial: bool) -> Response:
        selectors.get_customer(actor=request.user, customer_id=customer_id)  # Another's is 404, whatever the body.
        given = CustomerIn(data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        changes = given.validated_data
        customer = customers.change_customer(actor=request.user, customer_id=customer_id, changes=changes)
        return Response(customer_row(customer))


class CustomerPerson(APIView):
    """Which signed-up person a customer is."""

    class JoinIn(serializers.Serializer[Any]):
        email = TextField(max_length=254)

    @extend_schema(
        operation_id="join_customer",
        tags=[TAG],
        description="Makes the accounts of a customer those of a signed-up, verified person of the same last name; "
        "they are told. Repeating it changes nothing.",
        request=JoinIn,
        responses={
            200: CustomerOut,
            400: REFUSED,
            403: OpenApiResponse(Detail, description="Shared with other banks, or the caller themselves."),
            404: Detail,
            409: OpenApiResponse(Detail, description="It is somebody else's already."),
        },
    )
    def put(self, request: SignedRequest, bank_customer_id: UUID) -> Response:
        selectors.get_customer(actor=request.user, customer_id=bank_customer_id)
        given = self.JoinIn(data=request.data)
        given.is_valid(raise_exception=True)
        email = given.validated_data["email"]
        with bad_request():
            customer = joining.join_person(actor=request.user, customer_id=bank_customer_id, email=email)
        return Response(customer_row(customer))

    @extend_schema(
        operation_id="part_customer",
        tags=[TAG],
        description="Undoes a joining that was a mistake; the person is told.",
        responses={
            200: CustomerOut,
            403: SHARED,
            404: OpenApiResponse(Detail, description="No such customer, or nobody was joined to it by a manager."),
            409: OpenApiResponse(Detail, description="The person has opened accounts since."),
        },
    )
    def delete(self, request: SignedRequest, bank_customer_id: UUID) -> Response:
        customer = joining.part_person(actor=request.user, customer_id=bank_customer_id)
        return Response(customer_row(customer))
