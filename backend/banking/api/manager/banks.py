"""Banks (S0-R6, S0-R10 to S0-R12), and who manages them."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.manager.lists import listed
from backend.banking.api.manager.shapes import (
    BANK,
    PAGING,
    REFUSED,
    STAYS,
    TAG,
    BankIn,
    BankOut,
    bank_row,
    listed_schema,
)
from backend.banking.api.shapes import bad_request
from backend.banking.models import Bank
from backend.banking.selectors import banks as selectors
from backend.banking.services import banks, grants
from backend.common.keysets import newest_first
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest


class RegisteredBankOut(serializers.Serializer[Any]):
    message = serializers.CharField()
    id = serializers.UUIDField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "bank name": serializers.CharField()}


def _registered(request: SignedRequest) -> Bank:
    given = BankIn(data=request.data)
    given.is_valid(raise_exception=True)
    with bad_request():
        return banks.register_bank(actor=request.user, fields=given.validated_data)


class RegisterBank(APIView):
    @extend_schema(
        operation_id="register_bank",
        tags=[TAG],
        description="Registers a bank. The caller becomes its first manager, once in their life (S0-B8).",
        request=BankIn,
        responses={201: RegisteredBankOut, 400: REFUSED},
    )
    def post(self, request: SignedRequest) -> Response:
        bank = _registered(request)
        body = {"message": "Bank is registered", "id": bank.pk, "bank name": bank.bank_name}
        return Response(body, status=status.HTTP_201_CREATED)


@extend_schema_view(post=extend_schema(operation_id="register_bank_misspelled", deprecated=True))
class MisspelledRegisterBank(RegisterBank):
    """Some clients of S0 say it as its code did."""


class Banks(APIView):
    """The banks that one manages; for staff, all of them, but nothing of what is in them (S0-B7)."""

    @extend_schema(
        operation_id="list_banks", tags=[TAG], parameters=PAGING, responses={200: listed_schema("Bank", BankOut)}
    )
    def get(self, request: SignedRequest) -> Response:
        rows = selectors.banks_visible_to(request.user)
        return listed(
            request,
            rows,
            lambda found: [bank_row(bank) for bank in found],
            lambda after, limit: newest_first(
                [rows.values(*BANK)], at="created_at", key="bank_id", after=after, limit=limit
            ),
            key="bank_id",
        )

    @extend_schema(
        operation_id="create_bank",
        tags=[TAG],
        description="As `POST /api/register/bank/`, and answers the bank.",
        request=BankIn,
        responses={201: BankOut, 400: REFUSED},
    )
    def post(self, request: SignedRequest) -> Response:
        return Response(bank_row(_registered(request)), status=status.HTTP_201_CREATED)


class OneBank(APIView):
    """A bank, for its managers and for staff."""

    @extend_schema(operation_id="get_bank", tags=[TAG], responses={200: BankOut, 404: Detail})
    def get(self, request: SignedRequest, bank_id: UUID) -> Response:
        return Response(bank_row(selectors.get_bank(actor=request.user, bank_id=bank_id)))

    @extend_schema(
        operation_id="replace_bank",
        tags=[TAG],
        description="What is not sent stays; `manager` is not changed here.",
        request=BankIn,
        responses={200: BankOut, 400: REFUSED, 404: Detail},
    )
    def put(self, request: SignedRequest, bank_id: UUID) -> Response:
        return self._change(request, bank_id, partial=False)

    @extend_schema(
        operation_id="change_bank", tags=[TAG], request=BankIn, responses={200: BankOut, 400: REFUSED, 404: Detail}
    )
    def patch(self, request: SignedRequest, bank_id: UUID) -> Response:
        return self._change(request, bank_id, partial=True)

    @extend_schema(
        operation_id="delete_bank",
        tags=[TAG],
        description="A bank goes when it has no customer, account, posting or partner's key any more.",
        responses={204: None, 404: Detail, 409: STAYS},
    )
    def delete(self, request: SignedRequest, bank_id: UUID) -> Response:
        banks.delete_bank(actor=request.user, bank_id=bank_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: SignedRequest, bank_id: UUID, *, partial: bool) -> Response:
        selectors.get_bank(actor=request.user, bank_id=bank_id)  # Another's is 404, whatever the body.
        given = BankIn(data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        with bad_request():
            bank = banks.change_bank(actor=request.user, bank_id=bank_id, changes=given.validated_data)
        return Response(bank_row(bank))


class ManagerOut(serializers.Serializer[Any]):
    user = serializers.IntegerField()
    email = serializers.EmailField()
    name = serializers.CharField()
    is_first = serializers.BooleanField(help_text="Lets others in; the others came by a grant.")


def _manager(user: Any, *, is_first: bool) -> dict[str, Any]:
    return {"user": user.pk, "email": user.email, "name": user.get_full_name(), "is_first": is_first}


class Managers(APIView):
    """Who manages a bank: its first manager, and whom that one has let in."""

    class ManagerIn(serializers.Serializer[Any]):
        email = TextField(max_length=254)

    @extend_schema(operation_id="list_bank_managers", tags=[TAG], responses={200: ManagerOut(many=True), 404: Detail})
    def get(self, request: SignedRequest, bank_id: UUID) -> Response:
        bank, found = grants.list_managers(actor=request.user, bank_id=bank_id)
        first = [_manager(bank.manager, is_first=True)] if bank.manager else []
        return Response([*first, *(_manager(grant.user, is_first=False) for grant in found)])

    @extend_schema(
        operation_id="add_bank_manager",
        tags=[TAG],
        description="Lets somebody manage the bank too, from their next request on. The first manager does, and "
        "superusers. Repeating it changes nothing.",
        request=ManagerIn,
        responses={201: ManagerOut, 400: REFUSED, 403: Detail, 404: Detail},
    )
    def post(self, request: SignedRequest, bank_id: UUID) -> Response:
        grants.list_managers(actor=request.user, bank_id=bank_id)  # Another's is 404, whatever the body.
        given = self.ManagerIn(data=request.data)
        given.is_valid(raise_exception=True)
        with bad_request():
            grant = grants.add_manager(actor=request.user, bank_id=bank_id, email=given.validated_data["email"])
        return Response(_manager(grant.user, is_first=False), status=status.HTTP_201_CREATED)


class OneManager(APIView):
    @extend_schema(
        operation_id="remove_bank_manager",
        tags=[TAG],
        description="Withdraws the grant, with effect at once. Whoever has one may give it back.",
        responses={204: None, 403: Detail, 404: OpenApiResponse(Detail, description="No such bank, or no grant.")},
    )
    def delete(self, request: SignedRequest, bank_id: UUID, user_id: int) -> Response:
        grants.remove_manager(actor=request.user, bank_id=bank_id, user_id=user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
