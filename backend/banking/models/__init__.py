"""Banks, who banks there, what they owe and own. What money did lies in postings; `ledger.py` alone writes those."""

from backend.banking.models.accounts import Account, AccountStatus
from backend.banking.models.banks import Bank, BankGrant, PartnerKey
from backend.banking.models.customers import Customer, HomeOwnership, JobYears, Registration
from backend.banking.models.ledger import Entry, Hold, HoldState, InternalAccount, InternalKind, Posting, PostingKind
from backend.banking.models.loans import Door, Loan, LoanState, LoanStatus, Term
from backend.banking.models.patrol import LedgerFinding, LedgerPatrol
from backend.banking.models.payments import Payment, PaymentDetail, PaymentStatus
from backend.banking.models.scores import LoanScore, RiskBand, RunScore, RunState, ScoringRun
from backend.banking.models.webhooks import (
    DeliveryState,
    DisabledReason,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookKind,
    WebhookMessage,
)

__all__ = [
    "Account",
    "AccountStatus",
    "Bank",
    "BankGrant",
    "Customer",
    "DeliveryState",
    "DisabledReason",
    "Door",
    "Entry",
    "Hold",
    "HoldState",
    "HomeOwnership",
    "InternalAccount",
    "InternalKind",
    "JobYears",
    "LedgerFinding",
    "LedgerPatrol",
    "Loan",
    "LoanScore",
    "LoanState",
    "LoanStatus",
    "PartnerKey",
    "Payment",
    "PaymentDetail",
    "PaymentStatus",
    "Posting",
    "PostingKind",
    "Registration",
    "RiskBand",
    "RunScore",
    "RunState",
    "ScoringRun",
    "Term",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookKind",
    "WebhookMessage",
]
