"""Settings of the API's documents: how its routes are grouped, and what drf-spectacular makes of them."""

from typing import Any

# The groups of the API's documents, in the order that one reads them.
API_TAGS = {
    "identity": "Doors: signing up, in and out, sessions, passwords, one's own profile.",
    "two-factor": "The second factor: enrol an app, recovery codes, and step-up tokens for single acts.",
    "privacy": "What people may ask for: everything about themselves, and to be told when a rule changes.",
    "kyc": "Knowing the customer: profile and documents.",
    "kyc review": "Deciding about profiles and documents: for bank admins.",
    "fraud": "Alerts: suspicious transfers and signals, for bank admins, who decide, and auditors.",
    "fraud rules": "Versions of the fraud rules: drafted, tried, published by a second person; snoozes.",
    "support": "Live chat with the support desk, by REST; the sockets are described in the AsyncAPI document.",
    "assistant": "The language model beside the agents, and what people want to hear from us.",
    "notifications": "The durable inbox of a person, and of a desk.",
    "bank": "Banks, their customers, accounts and loans: for the managers of banks.",
    "lending": "Loans for people: products, applications, schedules, repayments.",
    "lending desk": "Deciding about loans: for bank admins and the managers of the bank; auditors read.",
    "budget": "Income, expenses and their categories.",
    "catalog": "Tagged items with search.",
    "help": "Help articles.",
    "superadmin": "Managing accounts: for staff and superusers.",
    "security": "Security events: for bank admins and auditors.",
    "audit": "The trail: for bank admins and auditors.",
    "banking": "Accounts, transfers and statements of people who are verified.",
    "banking desk": "What the staff of a bank does for its customers: cash, freezing, limits.",
    "partner": "For partner systems, with an API key.",
    "webhooks": "Being told of loans and payments (Standard Webhooks): for partner systems, and managers of banks.",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Ease",
    "DESCRIPTION": "One backend for people who bank on a phone and for the staff who answer them.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    # Choices that several components have, or that share a field's name with others.
    "ENUM_NAME_OVERRIDES": {
        "DocumentTypeEnum": "backend.kyc.models.documents.Document.Type",
        "KycStatusEnum": "backend.identity.models.users.User.KycStatus",
        "KycDecisionEnum": ["PENDING", "APPROVED", "REJECTED"],
        "UploadStateEnum": "backend.kyc.models.documents.Upload.State",
        "EntryKindEnum": "backend.budget.models.Kind",
        "ImportStateEnum": "backend.budget.models.Import.State",
        "AlertSeverityEnum": "backend.fraud.models.alerts.FraudAlert.Severity",
        "AlertStatusEnum": "backend.fraud.models.alerts.FraudAlert.Status",
        "AlertVerdictEnum": "backend.fraud.models.alerts.FraudAlert.Verdict",
        "AccountStatusEnum": "backend.banking.models.AccountStatus",
        "PostingKindEnum": "backend.banking.models.PostingKind",
        "TransferStateEnum": "backend.banking.models.TransferState",
        "ScheduleStateEnum": "backend.banking.models.ScheduleState",
        "ChatStateEnum": "backend.support.selectors.STATES",
        "InstalmentStateEnum": "backend.banking.api.lending.shapes.INSTALMENT_STATES",
        "LoanApplicationStatusEnum": "backend.banking.models.applications.ApplicationStatus",
        "RepaymentKindEnum": "backend.banking.models.lending.RepaymentKind",
        "PartnerCustomerStatusEnum": [(1, "active"), (2, "inactive")],
        "PartnerLoanStatusEnum": [(1, "pending"), (2, "active"), (3, "rejected"), (4, "paid"), (5, "charged off")],
        "PartnerPaymentStatusEnum": [(1, "completed"), (2, "rejected")],
        "WebhookDeliveryStateEnum": "backend.banking.models.webhooks.DeliveryState",
        "LoadKindEnum": "backend.banking.models.LoadKind",
        "LoadStateEnum": "backend.banking.models.LoadState",
        "LoanStateEnum": "backend.banking.models.LoanState",
        "LoanStatusEnum": "backend.banking.models.LoanStatus",
        "RiskEnum": "backend.identity.models.users.User.RiskProfile",
        "ScoringStateEnum": "backend.banking.models.RunState",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "TAGS": [{"name": name, "description": description} for name, description in API_TAGS.items()],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "apiKey": {
                "type": "apiKey",
                "in": "header",
                "name": "X-Api-Key",
                "description": "The key of a partner system, as the admin site showed it once.",
            }
        }
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "backend.common.examples.add_to_document",
    ],
    # Scripts and styles of the pages come from this server.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": True, "filter": True, "docExpansion": "none"},
}
