"""Every kind of notice that a person or a desk can get, with exactly the fields it carries.

The durable inbox of a person is the topic `user.<id>`, that of a desk `desk.<name>` (design.md section 4); a notice
is an event there. The classes are the payload's schema: what is not a field cannot be sent.
"""

from dataclasses import dataclass, fields
from typing import Any

from backend.notifications import banking_notices, lending_notices, transfer_notices
from backend.notifications.notice import Notice


def notice_from(kind: str, payload: dict[str, Any]) -> Notice | None:
    """Return the notice that a stored event is; None for one of a kind, or with fields, that are no longer known."""
    found = KINDS.get(kind)
    if found is None or set(payload) != {name.name for name in fields(found)}:
        return None
    return found(**payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatQueued(Notice):
    """A customer waits: nobody was available when the chat was opened."""

    kind = "chat.queued"
    chat_id: str
    customer_id: int
    customer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAssigned(Notice):
    """A chat has got its agent, by assignment or by being taken."""

    kind = "chat.assigned"
    chat_id: str
    customer_id: int
    customer: str
    agent_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatShared(Notice):
    """Somebody was let into a colleague's chat."""

    kind = "chat.shared"
    chat_id: str
    shared_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatClosed(Notice):
    kind = "chat.closed"
    chat_id: str
    closed_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRevoked(Notice):
    """One of the person's sessions ended: by sign-out, by a newer sign-in, by a password change or an alarm."""

    kind = "session.revoked"
    session_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditBroken(Notice):
    """Verifying the audit trail found a fault: its kind, its place in the chain, its row if one is known."""

    kind = "audit.broken"
    notification_type = "SECURITY_ALERT"
    priority = "URGENT"
    event_id: int
    finding: str
    seq: int
    row: int | None
    words: str

    def in_words(self) -> tuple[str, str]:
        return "The audit trail is broken", f"{self.finding.capitalize()} at {self.seq}: {self.words}."


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoFactorEnabled(Notice):
    """Sign-in asks for a code from now on. Whoever did not do this themselves should change their password."""

    kind = "two_factor.enabled"

    def in_words(self) -> tuple[str, str]:
        return "Your second factor is on", "Signing in asks for a code of your authenticator app from now on."


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoFactorDisabled(Notice):
    kind = "two_factor.disabled"

    def in_words(self) -> tuple[str, str]:
        return "Your second factor is off", "Signing in takes your password alone from now on."


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodesRenewed(Notice):
    kind = "two_factor.recovery_codes_renewed"

    def in_words(self) -> tuple[str, str]:
        return "You have new recovery codes", "The earlier ones do not work any more."


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodeUsed(Notice):
    """A recovery code stood in for the app; so many are left."""

    kind = "two_factor.recovery_code_used"
    left: int

    def in_words(self) -> tuple[str, str]:
        return "A recovery code was used", f"It stood in for your authenticator app. {self.left} are left."


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFinished(Notice):
    """The archive of everything about the person can be fetched, once, until `expires_at`."""

    kind = "export.finished"
    export_id: str
    expires_at: str

    def in_words(self) -> tuple[str, str]:
        return "Your data is ready", "The archive can be fetched once, within three days."


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFailed(Notice):
    """The archive could not be made; the person may ask again."""

    kind = "export.failed"
    export_id: str

    def in_words(self) -> tuple[str, str]:
        return "Your data could not be put together", "Please ask for the archive again."


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesChanged(Notice):
    """A rule that concerns the person changes (E-COMP-3): read and acknowledged at `/api/profile/notices/`."""

    kind = "rules.changed"
    change_id: int
    title: str
    effective_on: str

    def in_words(self) -> tuple[str, str]:
        return self.title, f"This counts from {self.effective_on} on."


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReached(Notice):
    """So many percent of a category's budget are spent in a month: 80, then 100. Once each a month."""

    kind = "budget.reached"
    budget_id: str
    category_id: str
    category: str
    month: str
    percent: int
    amount: str
    spent: str

    def in_words(self) -> tuple[str, str]:
        return f"{self.percent} % of {self.category}", f"You have spent {self.spent} of {self.amount} in {self.month}."


@dataclass(frozen=True, slots=True, kw_only=True)
class KycSubmitted(Notice):
    """A person has sent a document, and waits for a decision."""

    kind = "kyc.submitted"
    notification_type = "KYC_UPLOAD"
    case_id: int
    user_id: int
    user: str
    document_type: str

    def in_words(self) -> tuple[str, str]:
        return "A document to review", f"{self.user} has sent a {_spoken(self.document_type)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class KycRegistered(Notice):
    """Somebody has given their banking profile (S2-B15)."""

    kind = "kyc.registered"
    notification_type = "NEW_REGISTRATION"
    priority = "HIGH"
    user_id: int
    user: str

    def in_words(self) -> tuple[str, str]:
        return "A new registration", f"{self.user} has registered."


@dataclass(frozen=True, slots=True, kw_only=True)
class KycReady(Notice):
    """An identity card and a utility bill are here: the set that a decision needs (S2-B21)."""

    kind = "kyc.ready"
    notification_type = "KYC_READY_REVIEW"
    priority = "HIGH"
    case_id: int
    user_id: int
    user: str

    def in_words(self) -> tuple[str, str]:
        return "Ready for review", f"All documents of {self.user} are here."


@dataclass(frozen=True, slots=True, kw_only=True)
class KycSecondPersonNeeded(Notice):
    """One reviewer has approved somebody above LOW risk; another person must agree."""

    kind = "kyc.second_person_needed"
    case_id: int
    user_id: int
    approved_by: int

    def in_words(self) -> tuple[str, str]:
        return "A second approval is needed", "A colleague has approved a person above low risk. Please look, too."


@dataclass(frozen=True, slots=True, kw_only=True)
class KycClaimed(Notice):
    """A colleague has taken the case; or nobody has it any more (`claimed_by` null)."""

    kind = "kyc.claimed"
    case_id: int
    user_id: int
    claimed_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KycReviewed(Notice):
    """A colleague has settled the case: it is on the desk no more."""

    kind = "kyc.reviewed"
    case_id: int
    user_id: int
    kyc_status: str
    reviewed_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KycDecided(Notice):
    """The person was approved or rejected; a rejection says why."""

    kind = "kyc.decided"
    priority = "HIGH"
    is_sent_out = True
    kyc_status: str
    reason: str

    def in_words(self) -> tuple[str, str]:
        if self.kyc_status == "APPROVED":
            return "You are verified", "Your documents were accepted. You can use your account in full."
        return "Your verification was not successful", f"{self.reason} You may send your documents again."


@dataclass(frozen=True, slots=True, kw_only=True)
class KycDocumentsRequested(Notice):
    """Documents are to be sent again, and why. The case goes on."""

    kind = "kyc.documents_requested"
    priority = "HIGH"
    is_sent_out = True
    document_types: list[str]
    reason: str

    def in_words(self) -> tuple[str, str]:
        wanted = ", ".join(_spoken(name) for name in self.document_types)
        return "Please send a document again", f"We need your {wanted} once more. {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KycExpired(Notice):
    """The approval has run out: documents are to be sent anew."""

    kind = "kyc.expired"
    priority = "HIGH"
    is_sent_out = True
    kyc_status: str

    def in_words(self) -> tuple[str, str]:
        return "Please verify yourself again", "Your verification has run out. Send your documents anew in the app."


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudAlerted(Notice):
    """There is an alert to decide; told again, once, when nobody took it (`is_escalated`)."""

    kind = "fraud.alert"
    notification_type = "SECURITY_ALERT"
    priority = "HIGH"
    alert_id: str
    alert_type: str
    severity: str
    status: str
    title: str
    risk_score: int
    is_held: bool
    is_escalated: bool
    created_at: str

    def in_words(self) -> tuple[str, str]:
        waits = " The money waits for a decision." if self.is_held else ""
        again = "Nobody has taken it yet: " if self.is_escalated else ""
        return f"{self.severity.capitalize()} fraud alert", f"{again}{self.title}.{waits}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudClaimed(Notice):
    """A colleague reviews the alert now, until a time; or nobody any more (both null)."""

    kind = "fraud.claimed"
    alert_id: str
    claimed_by: int | None
    claimed_until: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudProposed(Notice):
    """One person has decided about an amount for which another must agree."""

    kind = "fraud.proposed"
    priority = "HIGH"
    alert_id: str
    verdict: str
    proposed_by: int

    def in_words(self) -> tuple[str, str]:
        words = f"A colleague proposes to {self.verdict} {self.alert_id}. Please look, too."
        return "A second decision is needed", words


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudDecided(Notice):
    """The alert is decided, or its time ran out (`status` EXPIRED, nobody decided)."""

    kind = "fraud.decided"
    alert_id: str
    status: str
    decided_by: int | None


def _spoken(name: str) -> str:
    return name.replace("_", " ").lower()


# Every kind of notice by its name. Not by `__subclasses__`: a class with slots is made twice.
KINDS: dict[str, type[Notice]] = {
    found.kind: found
    for module in (vars(), vars(banking_notices), vars(lending_notices), vars(transfer_notices))
    for found in list(module.values())
    if isinstance(found, type) and issubclass(found, Notice) and found is not Notice
}
# What is mailed and pushed to people who are not connected.
SENT_OUT = frozenset(kind for kind, found in KINDS.items() if found.is_sent_out)
