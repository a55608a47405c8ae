"""Banks to choose from, one's own accounts, and what moved on them."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.customer.shapes import (
    INVALID,
    NOT_VERIFIED,
    PAGED,
    REFUSED,
    TAG,
    BankChoiceOut,
    CloseIn,
    MovementOut,
    OwnAccountOut,
    account_row,
    bank_row,
    entry_row,
    row_of,
)
from backend.banking.api.shapes import bad_request
from backend.banking.selectors import people
from backend.banking.services import freezes, openings
from backend.common import cursors, keysets
from backend.common.idempotent_views import IDEMPOTENCY_KEY, idempotent_post
from backend.common.shapes import Detail, SignedRequest

NAME_MAX = 255


class Banks(APIView):
    """The banks at which one can have an account, the newest first."""

    @extend_schema(
        operation_id="list_banks_to_choose",
        tags=[TAG],
        parameters=[OpenApiParameter("name", str, description="A part of the bank's name."), *PAGED],
        responses={200: cursors.page_schema("BankChoicePage", BankChoiceOut), 400: INVALID},
    )
    def get(self, request: SignedRequest) -> Response:
        name = request.query_params.get("name", "")
        if len(name) > NAME_MAX or "\0" in name:
            raise ValidationError({"name": ["This is no name of a bank."]})
        page = keysets.page_of(
            request,
            lambda after, limit: people.list_banks(name=name, after=after, limit=limit),
            at="created_at",
            key="bank_id",
        )
        return Response({**page, "results": [bank_row(row) for row in page["results"]]})


class OwnAccounts(APIView):
    class OpeningIn(serializers.Serializer[Any]):
        bank = serializers.UUIDField(help_text="Where; its currency is the account's.")

    @extend_schema(
        operation_id="list_own_accounts", tags=[TAG], responses={200: OwnAccountOut(many=True), 403: NOT_VERIFIED}
    )
    def get(self, request: SignedRequest) -> Response:
        """One's accounts at all banks, in the order they were opened."""
        people.require_door(request.user, reading=True)
        return Response([account_row(row) for row in people.list_accounts(actor=request.user)])

    @extend_schema(
        operation_id="open_own_account",
        tags=[TAG],
        description="Opens an account at a bank; it counts from now. What moves on it stands in one's budget, if the "
        "other accounts there are in the same currency.",
        parameters=[IDEMPOTENCY_KEY],
        request=OpeningIn,
        responses={201: OwnAccountOut, 400: INVALID, 403: NOT_VERIFIED, 404: Detail, 409: Detail, 422: REFUSED},
    )
    @idempotent_post()
    def post(self, request: SignedRequest) -> Response:
        people.require_door(request.user)
        given = self.OpeningIn(data=request.data)
        given.is_valid(raise_exception=True)
        account = openings.open_own_account(actor=request.user, bank_id=given.validated_data["bank"])
        return Response(account_row(row_of(account, people.ACCOUNT)), status=status.HTTP_201_CREATED)


class OwnAccount(APIView):
    class OwnAccountChangeIn(serializers.Serializer[Any]):
        in_budget = serializers.BooleanField()

    @extend_schema(operation_id="get_own_account", tags=[TAG], responses={200: OwnAccountOut, 403: Detail, 404: Detail})
    def get(self, request: SignedRequest, account_id: UUID) -> Response:
        account = people.get_account(actor=request.user, account_id=account_id)
        return Response(account_row(row_of(account, people.ACCOUNT)))

    @extend_schema(
        operation_id="change_own_account",
        tags=[TAG],
        request=OwnAccountChangeIn,
        responses={200: OwnAccountOut, 400: INVALID, 404: Detail},
    )
    def patch(self, request: SignedRequest, account_id: UUID) -> Response:
        """Have what moves on it stand in one's budget, or no longer."""
        people.get_account(actor=request.user, account_id=account_id)  # Another's is 404, whatever the body.
        given = self.OwnAccountChangeIn(data=request.data)
        given.is_valid(raise_exception=True)
        with bad_request():
            account = openings.put_in_budget(
                actor=request.user, account_id=account_id, in_budget=given.validated_data["in_budget"]
            )
        return Response(account_row(row_of(account, people.ACCOUNT)))


class OwnEntries(APIView):
    @extend_schema(
        operation_id="list_own_entries",
        tags=[TAG],
        parameters=PAGED,
        responses={200: cursors.page_schema("MovementPage", MovementOut), 400: INVALID, 404: Detail},
    )
    def get(self, request: SignedRequest, account_id: UUID) -> Response:
        """What moved on an account, the newest first."""
        account = people.get_account(actor=request.user, account_id=account_id)
        page = cursors.page_of(
            request,
            lambda after, limit: people.list_entries(account_id=account.pk, after=after, limit=limit),
            lambda row: row["id"],
        )
        return Response({**page, "results": [entry_row(row, account) for row in page["results"]]})


class CloseAccount(APIView):
    class ClosedOut(serializers.Serializer[Any]):
        account_id = serializers.UUIDField()
        status = serializers.CharField()
        status_reason = serializers.CharField(allow_blank=True)

    @extend_schema(
        operation_id="close_account",
        tags=[TAG],
        description="For good: one's own empty account, or, by the staff of its bank with a reason, anybody else's. "
        "What was planned from it is stopped.",
        request=CloseIn,
        responses={
            200: ClosedOut,
            400: INVALID,
            403: Detail,
            404: Detail,
            409: OpenApiResponse(Detail, description="`account.not_empty`: `reasons` say what has to be settled."),
            422: REFUSED,
        },
    )
    def post(self, request: SignedRequest, account_id: UUID) -> Response:
        given = CloseIn(data=request.data)
        given.is_valid(raise_exception=True)
        account = freezes.close_account(
            actor=request.user, account_id=account_id, reason=given.validated_data["reason"]
        )
        return Response({"account_id": account.pk, "status": account.status, "status_reason": account.status_reason})
