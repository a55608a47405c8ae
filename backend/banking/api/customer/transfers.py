"""Sending money, and whether a payee's name is right."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.customer.shapes import (
    INVALID,
    NOT_VERIFIED,
    PAGED,
    STEP_UP,
    TAG,
    PayeeCheckIn,
    PayeeCheckOut,
    SendingIn,
    TransferOut,
    transfer_of,
    transfer_row,
)
from backend.banking.api.shapes import bad_request, uuid_in
from backend.banking.models import TransferState
from backend.banking.selectors import people
from backend.banking.selectors.people import Payee
from backend.banking.services import payee_checks, transfers
from backend.common import cursors, keysets
from backend.common.idempotent_views import IDEMPOTENCY_KEY_REQUIRED, idempotent_post
from backend.common.shapes import Detail, SignedRequest


def payee_in(fields: dict[str, Any]) -> Payee:
    """Take the payee out of a body."""
    return Payee(
        account_id=fields.pop("target", None),
        bank_id=fields.pop("bank", None),
        account_number=fields.pop("account_number", ""),
    )


def step_up_in(request: SignedRequest) -> str:
    return request.headers.get("X-Step-Up-Token", "")


class Transfers(APIView):
    @extend_schema(
        operation_id="list_transfers",
        tags=[TAG],
        parameters=[
            OpenApiParameter("account", str, description="One of one's accounts."),
            OpenApiParameter("state", str, enum=TransferState.values),
            *PAGED,
        ],
        responses={
            200: cursors.page_schema("TransferPage", TransferOut),
            400: INVALID,
            403: NOT_VERIFIED,
            404: Detail,
        },
    )
    def get(self, request: SignedRequest) -> Response:
        """What one has sent and received, the newest first."""
        people.require_door(request.user, reading=True)
        account_id, state = uuid_in(request, "account"), request.query_params.get("state", "")
        if state and state not in TransferState.values:
            raise ValidationError({"state": [f"One of {', '.join(TransferState.values)}."]})
        page = keysets.page_of(
            request,
            lambda after, limit: people.list_transfers(
                actor=request.user, account_id=account_id, state=state, after=after, limit=limit
            ),
            at="created_at",
            key="id",
        )
        return Response({**page, "results": [transfer_row(row, request.user.id) for row in page["results"]]})

    @extend_schema(
        operation_id="send_transfer",
        tags=[TAG],
        description="Sends money to another account of one's own, or to anybody's at any bank, in one currency. "
        "201: it is there. 202: it is being checked, and its money is held meanwhile.",
        parameters=[IDEMPOTENCY_KEY_REQUIRED, STEP_UP],
        request=SendingIn,
        responses={
            201: TransferOut,
            202: TransferOut,
            400: INVALID,
            403: OpenApiResponse(Detail, description="`kyc_required`, or `step_up_required` with what to ask for."),
            404: OpenApiResponse(Detail, description="`account.unknown`: no account of one's own."),
            409: Detail,
            422: OpenApiResponse(
                Detail,
                description="`funds.insufficient`, `limit.transfer`, `limit.day` (with `limit` and `left`), "
                "`payee.unknown`, `payee.unavailable`, `account.frozen`, `account.closed`, or another body"
                " under the key.",
            ),
        },
    )
    @idempotent_post(required=True)
    @bad_request()
    def post(self, request: SignedRequest) -> Response:
        people.require_door(request.user)
        given = SendingIn(data=request.data)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        transfer = transfers.send_transfer(
            actor=request.user,
            source_id=fields.pop("source"),
            payee=payee_in(fields),
            step_up_token=step_up_in(request),
            **fields,
        )
        held = transfer.state == TransferState.HELD
        return Response(
            transfer_of(transfer, request.user.id), status=status.HTTP_202_ACCEPTED if held else status.HTTP_201_CREATED
        )


class OneTransfer(APIView):
    @extend_schema(operation_id="get_transfer", tags=[TAG], responses={200: TransferOut, 404: Detail})
    def get(self, request: SignedRequest, transfer_id: UUID) -> Response:
        row = people.get_transfer(actor=request.user, transfer_id=transfer_id)
        return Response(transfer_row(row, request.user.id))


class PayeeCheck(APIView):
    @extend_schema(
        operation_id="check_payee",
        tags=[TAG],
        description="Whether an account belongs to somebody of this name: `match`, `close_match` or `no_match`. What "
        "the name is, and whether there is such an account, is not told; a limited number of times an hour.",
        request=PayeeCheckIn,
        responses={200: PayeeCheckOut, 400: INVALID, 403: NOT_VERIFIED, 429: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        people.require_door(request.user)
        given = PayeeCheckIn(data=request.data)
        given.is_valid(raise_exception=True)
        fields = given.validated_data
        result = payee_checks.check_payee(
            actor=request.user,
            bank_id=fields["bank"],
            account_number=fields["account_number"],
            name=fields["name"],
        )
        return Response({"result": result.value})
