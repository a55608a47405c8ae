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


# The document of the fraud rules and the facts that it judges by: keys for programs, named for people here.
_RULES: dict[str, Any] = {
    "transfer_amount": _("amount of the transfer"),
    "daily_amount": _("sent on this banking day"),
    "hour_count": _("transfers in an hour"),
    "hour_amount": _("sent in an hour"),
    "day_count": _("transfers in 24 hours"),
    "day_amount": _("sent in 24 hours"),
    "unusual_amount": _("unusual amount"),
    "new_payee": _("new payee"),
    "new_device": _("new device"),
    "new_address": _("new address"),
    "night": _("by night"),
    "structuring": _("just below a limit"),
    "dormant": _("account that slept"),
    "in_and_out": _("in and out again"),
    "steps": _("steps"),
    "over": _("over"),
    "points": _("points"),
    "history_min": _("transfers known, at least"),
    "least": _("deviation, at least"),
    "from_amount": _("from this amount"),
    "hours": _("hours"),
    "from_hour": _("from this hour"),
    "to_hour": _("to this hour"),
    "usual_percent": _("usual, in percent"),
    "limit": _("limit"),
    "within_percent": _("below it, in percent"),
    "days": _("days"),
    "received": _("received"),
    "*": _("all currencies"),
    # What a dry run counts
    "seen": _("looked at"),
    "newly_held": _("newly held"),
    "no_longer_held": _("no longer held"),
    "newly_alerted": _("newly alerted"),
    "cleared": _("cleared"),
    "unchanged": _("unchanged"),
    "held": _("held"),
    "alerted": _("alerted"),
    "RUNNING": _("running"),
    "DONE": _("done"),
    "FAILED": _("failed"),
}


def rule_words() -> dict[str, str]:
    return {key: str(words) for key, words in _RULES.items()}


_FACTS: dict[str, Any] = {
    "at": _("when"),
    "time_zone": _("time zone of the bank"),
    "user_id": _("person (id)"),
    "account_id": _("account (id)"),
    "account_number": _("account"),
    "opened_at": _("account opened"),
    "currency": _("currency"),
    "amount": _("amount"),
    "payee": _("payee (id)"),
    "payee_count": _("transfers to this payee before"),
    "payee_is_own": _("payee is the sender's own account"),
    "sent_today": _("sent on this banking day before"),
    "count_1h": _("transfers in the hour before"),
    "sum_1h": _("sent in the hour before"),
    "count_24h": _("transfers in the 24 hours before"),
    "sum_24h": _("sent in the 24 hours before"),
    "amounts_24h": _("amounts in the 24 hours before"),
    "history": _("history of the account"),
    "received_24h": _("received in 24 hours"),
    "last_sent_at": _("last sent"),
    "is_attended": _("sent by the person themselves"),
    "device_since": _("device known since"),
    "address_since": _("address known since"),
    "hour": _("hour of the bank's day"),
}


def fact(name: str) -> str:
    """Return what one of the facts behind a verdict is called."""
    return str(_FACTS.get(name, name.replace("_", " ")))
