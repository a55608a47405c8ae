"""Banks, who banks there, what they owe and own. What money did lies in postings; `ledger.py` alone writes those."""

from backend.banking.models.accounts import Account, AccountStatus
from backend.banking.models.applications import ApplicationStatus, LoanApplication, LoanProduct, Purpose
from backend.banking.models.banks import Bank, BankGrant, PartnerKey
from backend.banking.models.customers import Customer, HomeOwnership, JobYears, Registration
from backend.banking.models.ledger import Entry, Hold, HoldState, InternalAccount, InternalKind, Posting, PostingKind
from backend.banking.models.lending import Effect, Instalment, InstalmentState, LoanTerms, Repayment, RepaymentKind
from backend.banking.models.loads import UNDER_WAY, Load, LoadKind, LoadLine, LoadPart, LoadRow, LoadState
from backend.banking.models.loans import Door, Loan, LoanState, LoanStatus, Term
from backend.banking.models.patrol import LedgerFinding, LedgerPatrol
from backend.banking.models.payments import Payment, PaymentDetail, PaymentStatus
from backend.banking.models.scores import LoanScore, RiskBand, RunScore, RunState, ScoringRun
from backend.banking.models.transfers import Rhythm, Schedule, ScheduleState, Transfer, TransferState, VoidReason
from backend.banking.models.webhooks import (
    DeliveryState,
    DisabledReason,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookKind,
    WebhookMessage,
)

__all__ = [
    "UNDER_WAY",
    "Account",
    "AccountStatus",
    "ApplicationStatus",
    "Bank",
    "BankGrant",
    "Customer",
    "DeliveryState",
    "DisabledReason",
    "Door",
    "Effect",
    "Entry",
    "Hold",
    "HoldState",
    "HomeOwnership",
    "Instalment",
    "InstalmentState",
    "InternalAccount",
    "InternalKind",
    "JobYears",
    "Load",
    "LoadKind",
    "LoadLine",
    "LoadPart",
    "LoadRow",
    "LoadState",
    "LedgerFinding",
    "LedgerPatrol",
    "Loan",
    "LoanApplication",
    "LoanProduct",
    "LoanScore",
    "LoanState",
    "LoanStatus",
    "LoanTerms",
    "PartnerKey",
    "Payment",
    "PaymentDetail",
    "PaymentStatus",
    "Posting",
    "PostingKind",
    "Purpose",
    "Registration",
    "Repayment",
    "RepaymentKind",
    "Rhythm",
    "RiskBand",
    "RunScore",
    "RunState",
    "Schedule",
    "ScheduleState",
    "ScoringRun",
    "Term",
    "Transfer",
    "TransferState",
    "VoidReason",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookKind",
    "WebhookMessage",
]
