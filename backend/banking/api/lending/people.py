"""Loans as people see them: what banks offer, what one has asked for, what one owes."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.amortisation import Conditions, DayCount, Method
from backend.banking.api.lending import rows
from backend.banking.api.lending.shapes import (
    CURSOR,
    METHODS,
    OF_BANK,
    REFUSED,
    RULE,
    STATE,
    TAG,
    LentOut,
    LentWithScheduleOut,
    LoanApplicationIn,
    LoanApplicationOut,
    LoanPayoffOut,
    LoanProductOut,
    LoanQuoteOut,
    LoanRepaymentIn,
    LoanRepaymentOut,
    LoanTermsIn,
)
from backend.banking.api.shapes import uuid_in
from backend.banking.models import Repayment, RepaymentKind
from backend.banking.selectors import lending as selectors
from backend.banking.selectors.lending import Payoff
from backend.banking.services.lending import applications, plans, repaying
from backend.common import keysets
from backend.common.cursors import page_schema
from backend.common.idempotent_views import IDEMPOTENCY_KEY, idempotent_post
from backend.common.shapes import Detail, SignedRequest


def shown_page(page: dict[str, Any], show: Any) -> Response:
    return Response({**page, "results": [show(row) for row in page["results"]]})


class Products(APIView):
    @extend_schema(
        operation_id="list_loan_products",
        tags=[TAG],
        description="What banks lend for, the newest first.",
        parameters=[OF_BANK, *CURSOR],
        responses={200: page_schema("LoanProductPage", LoanProductOut), 400: REFUSED},
    )
    def get(self, request: SignedRequest) -> Response:
        bank_id = uuid_in(request, "bank")
        page = keysets.page_of(
            request,
            lambda after, limit: selectors.list_products(bank_id=bank_id, after=after, limit=limit),
            at="created_at",
            key="id",
        )
        return shown_page(page, rows.product)


class Quote(APIView):
    @extend_schema(
        operation_id="quote_loan",
        tags=[TAG],
        description="What a loan would cost if it were paid out today, to the cent. Nothing is stored.",
        parameters=[
            OpenApiParameter("amount", str, required=True),
            OpenApiParameter("months", int, required=True),
            OpenApiParameter("method", str, enum=METHODS),
        ],
        responses={200: LoanQuoteOut, 400: REFUSED, 404: Detail, 422: RULE},
    )
    def get(self, request: SignedRequest, product_id: UUID) -> Response:
        product = selectors.get_open_product(product_id)
        given = LoanTermsIn(data=request.query_params)
        given.is_valid(raise_exception=True)
        amount, months, method = (given.validated_data[name] for name in ("amount", "months", "method"))
        applications.check_offer(product, amount, months)
        conditions = Conditions(
            annual_rate=product.annual_rate, method=Method(method), day_count=DayCount(product.day_count)
        )
        today = selectors.today_in(product.bank.time_zone)
        plan = plans.planned(amount=amount, conditions=conditions, months=months, start=today)
        return Response(rows.quote(product, amount, method, plan, today=today))


class Applications(APIView):
    @extend_schema(
        operation_id="list_loan_applications",
        tags=[TAG],
        description="One's own, the newest first.",
        parameters=CURSOR,
        responses={200: page_schema("LoanApplicationPage", LoanApplicationOut), 400: REFUSED},
    )
    def get(self, request: SignedRequest) -> Response:
        page = keysets.page_of(
            request,
            lambda after, limit: selectors.list_own_applications(actor=request.user, after=after, limit=limit),
            at="created_at",
            key="id",
        )
        return shown_page(page, rows.application)

    @extend_schema(
        operation_id="apply_for_loan",
        tags=[TAG],
        description="Asks the account's bank for a loan on the terms that the product has now. One at a time for each "
        "account. Whoever asks has been verified (KYC).",
        parameters=[IDEMPOTENCY_KEY],
        request=LoanApplicationIn,
        responses={201: LoanApplicationOut, 400: REFUSED, 403: Detail, 404: Detail, 409: STATE, 422: RULE},
    )
    @idempotent_post()
    def post(self, request: SignedRequest) -> Response:
        given = LoanApplicationIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = dict(given.validated_data)
        application = applications.apply(
            actor=request.user, account_id=asked.pop("account"), product_id=asked.pop("product"), **asked
        )
        row = selectors.application_row(application.pk)
        return Response(rows.application(row), status=status.HTTP_201_CREATED)


class OneApplication(APIView):
    @extend_schema(operation_id="get_loan_application", tags=[TAG], responses={200: LoanApplicationOut, 404: Detail})
    def get(self, request: SignedRequest, application_id: UUID) -> Response:
        found = selectors.own_application(actor=request.user, application_id=application_id)
        return Response(rows.application(selectors.application_row(found.pk)))


class WithdrawApplication(APIView):
    @extend_schema(
        operation_id="withdraw_loan_application",
        tags=[TAG],
        description="Takes back what is not decided yet.",
        request=None,
        responses={200: LoanApplicationOut, 404: Detail, 409: STATE},
    )
    def post(self, request: SignedRequest, application_id: UUID) -> Response:
        found = applications.withdraw(actor=request.user, application_id=application_id)
        return Response(rows.application(selectors.application_row(found.pk)))


class Loans(APIView):
    @extend_schema(
        operation_id="list_own_loans",
        tags=[TAG],
        description="What was lent to one, the newest first.",
        parameters=CURSOR,
        responses={200: page_schema("OwnLoanPage", LentOut), 400: REFUSED},
    )
    def get(self, request: SignedRequest) -> Response:
        page = keysets.page_of(
            request,
            lambda after, limit: selectors.list_own_loans(actor=request.user, after=after, limit=limit),
            at="loan__created_at",
            key="loan_id",
        )
        return shown_page(page, rows.loan)


class OneLoan(APIView):
    @extend_schema(
        operation_id="get_own_loan",
        tags=[TAG],
        description="With its schedule as it stands: at most 480 instalments.",
        responses={200: LentWithScheduleOut, 404: Detail},
    )
    def get(self, request: SignedRequest, lending_loan_id: UUID) -> Response:
        selectors.own_loan(actor=request.user, loan_id=lending_loan_id)
        row = selectors.loan_row(lending_loan_id)
        return Response(rows.with_schedule(row, selectors.instalments_of(lending_loan_id)))


class LoanPayoff(APIView):
    @extend_schema(
        operation_id="get_loan_payoff",
        tags=[TAG],
        description="What it costs to be done with the loan today.",
        responses={200: LoanPayoffOut, 404: Detail},
    )
    def get(self, request: SignedRequest, lending_loan_id: UUID) -> Response:
        terms = selectors.own_loan(actor=request.user, loan_id=lending_loan_id)
        left = selectors.open_instalments(lending_loan_id)
        today = selectors.today_in(terms.bank.time_zone)
        return Response(rows.payoff(Payoff.of(terms.loan, terms, left, today=today)))


class Repayments(APIView):
    @extend_schema(
        operation_id="list_loan_repayments",
        tags=[TAG],
        description="The newest first.",
        parameters=CURSOR,
        responses={200: page_schema("LoanRepaymentPage", LoanRepaymentOut), 400: REFUSED, 404: Detail},
    )
    def get(self, request: SignedRequest, lending_loan_id: UUID) -> Response:
        selectors.own_loan(actor=request.user, loan_id=lending_loan_id)
        page = keysets.page_of(
            request,
            lambda after, limit: selectors.list_repayments(loan_id=lending_loan_id, after=after, limit=limit),
            at="created_at",
            key="id",
        )
        return shown_page(page, rows.repayment)

    @extend_schema(
        operation_id="repay_loan",
        tags=[TAG],
        description="From the loan's own account. `instalment`: the oldest that is not paid, from the day on which its "
        "period begins, as the schedule has it. `early`: first the interest accrued up to today, then principal; the "
        "rest is spread over the same due dates (`lower_instalments`), or paid in instalments as high as before "
        "(`shorter_term`). `payoff`: all that is owed today.",
        parameters=[IDEMPOTENCY_KEY],
        request=LoanRepaymentIn,
        responses={201: LoanRepaymentOut, 400: REFUSED, 404: Detail, 409: STATE, 422: RULE},
    )
    @idempotent_post()
    def post(self, request: SignedRequest, lending_loan_id: UUID) -> Response:
        selectors.require_own_loan(actor=request.user, loan_id=lending_loan_id)  # Another's is 404, whatever the body.
        given = LoanRepaymentIn(data=request.data)
        given.is_valid(raise_exception=True)
        repayment = _repaid(request, lending_loan_id, given.validated_data)
        return Response(rows.repayment(selectors.repayment_row(repayment.pk)), status=status.HTTP_201_CREATED)


def _repaid(request: SignedRequest, loan_id: UUID, asked: dict[str, Any]) -> Repayment:
    if asked["kind"] == RepaymentKind.INSTALMENT:
        return repaying.pay_instalment(actor=request.user, loan_id=loan_id, number=asked["number"])
    if asked["kind"] == RepaymentKind.EARLY:
        return repaying.repay_early(actor=request.user, loan_id=loan_id, amount=asked["amount"], effect=asked["effect"])
    return repaying.pay_off(actor=request.user, loan_id=loan_id, expected=asked.get("amount"))
