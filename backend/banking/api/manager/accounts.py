"""Accounts (S0-R8, S0-R16, S0-R17)."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
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
    AccountChangeIn,
    AccountOut,
    NewAccountIn,
    account_row,
    listed_schema,
    with_activity,
)
from backend.banking.api.shapes import bad_request, uuid_in
from backend.banking.models import Account
from backend.banking.selectors import banks as bank_selectors
from backend.banking.selectors import customers as selectors
from backend.banking.services import accounts
from backend.common.idempotent_views import IDEMPOTENCY_KEY, idempotent_post
from backend.common.shapes import Detail, SignedRequest


class RegisteredAccountOut(serializers.Serializer[Any]):
    message = serializers.CharField()
    id = serializers.UUIDField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "account number": serializers.CharField(), "bank": serializers.UUIDField()}


def _opened(request: SignedRequest) -> Account:
    bank_selectors.require_banks(request.user)
    given = NewAccountIn(data=request.data)
    given.is_valid(raise_exception=True)
    fields = dict(given.validated_data)
    with bad_request():
        return accounts.open_account(
            actor=request.user,
            bank_id=fields.pop("bank", None),
            customer_id=fields.pop("customer"),
            account_number=fields.pop("account_number"),
            balance=fields.pop("balance", None) or accounts.ZERO,
            fields=fields,
        )


class RegisterAccount(APIView):
    @extend_schema(
        operation_id="register_account",
        tags=[TAG],
        description="Opens an account of a customer at a bank that the caller manages (BUG-S0-3, BUG-S0-16).",
        parameters=[IDEMPOTENCY_KEY],
        request=NewAccountIn,
        responses={201: RegisteredAccountOut, 400: REFUSED, 403: Detail},
    )
    @idempotent_post()
    def post(self, request: SignedRequest) -> Response:
        account = _opened(request)
        body = {
            "message": "Account is registered",
            "id": account.pk,
            "account number": account.account_number,
            "bank": account.bank_id,
        }
        return Response(body, status=status.HTTP_201_CREATED)


class Accounts(APIView):
    """The accounts at the banks that one manages."""

    @extend_schema(
        operation_id="list_bank_accounts",
        tags=[TAG],
        description="The newest first.",
        parameters=[OF_BANK, OpenApiParameter("customer", str, description="A customer's id."), *PAGING],
        responses={200: listed_schema("BankAccount", AccountOut), 400: REFUSED},
    )
    def get(self, request: SignedRequest) -> Response:
        banks, customer_id = banks_in(request), uuid_in(request, "customer")
        return listed(
            request,
            selectors.accounts_in(banks, customer_id=customer_id).values(*selectors.ACCOUNT),
            lambda found: [with_activity(row) for row in found],
            lambda after, limit: selectors.accounts_after(banks, after, limit, customer_id=customer_id),
            key="account_id",
            shown=with_activity,
        )

    @extend_schema(
        operation_id="create_account",
        tags=[TAG],
        description="As `POST /api/register/account/`, and answers the account.",
        parameters=[IDEMPOTENCY_KEY],
        request=NewAccountIn,
        responses={201: AccountOut, 400: REFUSED, 403: Detail},
    )
    @idempotent_post()
    def post(self, request: SignedRequest) -> Response:
        return Response(account_row(_opened(request)), status=status.HTTP_201_CREATED)


class OneAccount(APIView):
    """An account at a bank that one manages."""

    @extend_schema(operation_id="get_bank_account", tags=[TAG], responses={200: AccountOut, 404: Detail})
    def get(self, request: SignedRequest, bank_account_id: UUID) -> Response:
        return Response(account_row(selectors.get_account(actor=request.user, account_id=bank_account_id)))

    @extend_schema(
        operation_id="replace_account",
        tags=[TAG],
        description="What is not sent stays. Bank, customer and currency may be repeated, not "
        "changed; a `balance` is 400. `is_active` freezes and unfreezes, which the holder hears of.",
        request=AccountChangeIn,
        responses={200: AccountOut, 400: REFUSED, 403: Detail, 404: Detail},
    )
    def put(self, request: SignedRequest, bank_account_id: UUID) -> Response:
        return self._change(request, bank_account_id, partial=False)

    @extend_schema(
        operation_id="change_account",
        tags=[TAG],
        request=AccountChangeIn,
        responses={200: AccountOut, 400: REFUSED, 403: Detail, 404: Detail},
    )
    def patch(self, request: SignedRequest, bank_account_id: UUID) -> Response:
        return self._change(request, bank_account_id, partial=True)

    @extend_schema(
        operation_id="delete_account",
        tags=[TAG],
        description="An account that never had money goes, with the loans on record that it carries.",
        responses={204: None, 404: Detail, 409: STAYS},
    )
    def delete(self, request: SignedRequest, bank_account_id: UUID) -> Response:
        accounts.delete_account(actor=request.user, account_id=bank_account_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: SignedRequest, account_id: UUID, *, partial: bool) -> Response:
        selectors.get_account(actor=request.user, account_id=account_id)  # Another's is 404, whatever the body.
        given = AccountChangeIn(data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        with bad_request():
            account = accounts.change_account(actor=request.user, account_id=account_id, changes=given.validated_data)
        return Response(account_row(account))
