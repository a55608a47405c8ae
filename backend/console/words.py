"""The slices' own lists of words (states, kinds, purposes) as readers of the console see them.

A slice keeps words for programs (`PENDING`, `loan_activation`); here they are written for people, so that they are
translated like every other string. A test asks this of every list that a page shows.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _

_WORDS: dict[str, Any] = {
    # People and their verification
    "INCOMPLETE": _("not verified"),
    "PENDING": _("pending"),
    "APPROVED": _("approved"),
    "REJECTED": _("rejected"),
    "EXPIRED": _("expired"),
    "VERIFIED": _("verified"),
    "LOW": _("low"),
    "MEDIUM": _("medium"),
    "HIGH": _("high"),
    "CRITICAL": _("critical"),
    "GOVERNMENT_ID": _("identity card"),
    "PASSPORT": _("passport"),
    "DRIVER_LICENSE": _("driving licence"),
    "UTILITY_BILL": _("utility bill"),
    "BANK_STATEMENT": _("bank statement"),
    "OTHER": _("other"),
    # Fraud
    "OPEN": _("open"),
    "PROPOSED": _("proposed"),
    "RELEASED": _("released"),
    "release": _("release"),
    "reject": _("reject"),
    "TRUE_POSITIVE": _("it was fraud"),
    "FALSE_POSITIVE": _("it was no fraud"),
    "DRAFT": _("draft"),
    "PUBLISHED": _("in force"),
    "RETIRED": _("retired"),
    "RUNNING": _("running"),
    "DONE": _("done"),
    "FAILED": _("failed"),
    # Accounts and loans
    "open": _("open"),
    "frozen": _("frozen"),
    "closed": _("closed"),
    "pending": _("pending"),
    "active": _("active"),
    "paid": _("paid"),
    "charged_off": _("charged off"),
    "rejected": _("rejected"),
    "submitted": _("waiting"),
    "approved": _("approved"),
    "withdrawn": _("withdrawn"),
    "annuity": _("equal instalments"),
    "equal_principal": _("equal parts of the principal"),
    "current": _("on time"),
    "upcoming": _("to come"),
    "due": _("due"),
    "late": _("late"),
    "written_off": _("written off"),
    "Short Term": _("short term"),
    "Long Term": _("long term"),
    "Fully Paid": _("paid in full"),
    "Charged Off": _("charged off"),
    # The ledger
    "opening": _("opening"),
    "deposit": _("deposit"),
    "withdrawal": _("withdrawal"),
    "transfer": _("transfer"),
    "loan_activation": _("loan paid out"),
    "payment": _("loan payment"),
    "interest": _("interest"),
    "charge_off": _("charge-off"),
    "reversal": _("correction"),
    "cash": _("cash"),
    "partner_clearing": _("partner clearing"),
    "interbank": _("owed between banks"),
    "loans_receivable": _("loans receivable"),
    "interest_income": _("interest income"),
    "charge_off_loss": _("charge-off loss"),
    # Chats
    "low": _("low"),
    "normal": _("normal"),
    "high": _("high"),
    "urgent": _("urgent"),
    "all": _("all"),
}


def word(value: Any) -> str:
    """Return a word of a list for people; what is no such word (a purpose that a bank wrote) as it is."""
    return str(_WORDS.get(str(value), value if value is not None else ""))
