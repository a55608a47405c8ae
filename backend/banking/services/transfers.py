"""Sending money from one account to another.

One path for all of it: the person at their phone, and the plans that a job carries out (schedules.py). Lock order:
the plan, the person (shared), the two accounts by id, then what budgets and topics lock.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db import connection

from backend.audit import services as audit
from backend.banking import ledger
from backend.banking.errors import AccountUnknown, InsufficientFunds, InvalidField
from backend.banking.ledger import Line
from backend.banking.limits import Limits, limits_of
from backend.banking.models import Account, InternalKind, PostingKind, Schedule, Transfer, TransferState
from backend.banking.selectors import facts, people
from backend.banking.selectors.facts import Past
from backend.banking.selectors.people import Payee
from backend.banking.services import movements, standing
from backend.common import request_context
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.fraud import services as fraud
from backend.fraud.services import Assessed, Whereabouts
from backend.identity.errors import StepUpRequired
from backend.identity.services import step_up
from backend.notifications import services as notifications
from backend.notifications.notice import Notice
from backend.notifications.transfer_notices import TransferHeld, TransferPosted

SUBJECT = "transfer"
STEP_UP_ACTION = "transfer.send"
ITSELF = "Name another account than the one that the money leaves."
OTHER_CURRENCY = "The two accounts are in different currencies."
_COLUMNS = [field.attname for field in Transfer._meta.concrete_fields]
_PLACES = ", ".join(["%s"] * len(_COLUMNS))
_INSERT = f"INSERT INTO banking_transfer ({', '.join(_COLUMNS)}) VALUES ({_PLACES})"  # noqa: S608 - its columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be sent, from one account of `user_id`'s to another account. `due_on` is the day of the plan."""

    user_id: int
    source_id: uuid.UUID
    target_id: uuid.UUID
    amount: Decimal
    memo: str = ""
    payee_name: str = ""
    schedule: Schedule | None = None
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The person who pressed the button, and the token that they were given for exactly this, if they have one."""

    actor: Principal
    payee: Payee
    token: str

    def parameters(self, order: Order) -> dict[str, str]:
        return {"source": str(order.source_id), **self.payee.parameters(), "amount": str(order.amount)}


def send_transfer(
    *,
    actor: Principal,
    source_id: uuid.UUID,
    payee: Payee,
    amount: Decimal,
    memo: str = "",
    payee_name: str = "",
    step_up_token: str = "",
) -> Transfer:
    """Send money from an account of the actor's, and return the transfer: posted, or held while the bank looks at it.

    Raises: KycRequired, AccountUnknown, PayeeUnknown, InvalidField (to itself, another currency), and what `carry_out`
    raises. Locks and tells: as `carry_out`.
    """
    amount = ledger.checked_amount(amount)
    with unit_of_work() as unit:
        source, target = people.find_both(user_id=actor.id, source_id=source_id, payee=payee)
        order = Order(
            user_id=actor.id,
            source_id=source,
            target_id=target,
            amount=amount,
            memo=memo,
            payee_name=payee_name,
        )
        return carry_out(unit, order, Confirmation(actor, payee, step_up_token))


def carry_out(unit: UnitOfWork, order: Order, confirmation: Confirmation | None) -> Transfer:
    """Make a transfer in the caller's unit of work; `confirmation` is None where nobody is there to give one.

    Raises: KycRequired, AccountUnknown (not the person's any more), InvalidField, AccountFrozen, AccountClosed,
    PayeeUnavailable, TransferLimitExceeded, DayLimitExceeded, InsufficientFunds, StepUpRequired.
    Locks: the person, shared; both accounts by id; the budget of the category.
    After commit: `transfer.posted` or `transfer.held` to both owners, `fraud.alert` to the desks if there is one.
    """
    require_two(order.source_id, order.target_id, "target")
    standing.keep_verified(order.user_id)
    source, target = ledger.lock_accounts(order.source_id, order.target_id)
    moment = now()
    day = ledger.booked_on(source.bank, moment)
    _check_accounts(order, source, target)
    past = facts.past_of(source, target, now=moment, day=day)
    limits = limits_of(source.bank)
    limits.check(amount=order.amount, sent_today=past.sent_today)
    if order.amount > source.available:
        raise InsufficientFunds
    transfer = Transfer(
        source=source,
        target=target,
        amount=order.amount,
        currency=source.currency,
        payee_name=order.payee_name,
        memo=order.memo,
        booked_on=day,
        is_own=target.customer.user_id == order.user_id,
        actor_id=confirmation.actor.id if confirmation else None,
        schedule=order.schedule,
        due_on=order.due_on,
        created_at=moment,
    )
    transfer.is_confirmed = _is_confirmed(transfer, order, limits, past, confirmation)
    assessed = _assess(transfer, past, confirmation)
    _settle(unit, transfer, assessed)
    return transfer


def now() -> datetime:
    return datetime.now(UTC)


def require_two(source_id: uuid.UUID, target_id: uuid.UUID, field: str) -> None:
    """Raises: InvalidField for one account twice."""
    if source_id == target_id:
        raise InvalidField(field, ITSELF)


def require_one_currency(source: Account, target: Account, field: str) -> None:
    """Raises: InvalidField (design.md section 5: across currencies 400)."""
    if source.currency != target.currency:
        raise InvalidField(field, OTHER_CURRENCY)


def _check_accounts(order: Order, source: Account, target: Account) -> None:
    if source.customer.user_id != order.user_id:
        raise AccountUnknown
    standing.require_open(source)
    if target.customer.user_id == order.user_id:
        standing.require_open(target)
    else:
        standing.require_taking(target)
    require_one_currency(source, target, "target")


def _is_confirmed(
    transfer: Transfer, order: Order, limits: Limits, past: Past, confirmation: Confirmation | None
) -> bool:
    """Spend the step-up token where one is needed, and say so; a plan was confirmed when it was made.

    Raises: StepUpRequired, with the parameters that a token has to be asked for with.
    """
    if confirmation is None:
        return transfer.amount >= limits.step_up_from
    if transfer.is_own or not limits.takes_step_up(amount=transfer.amount, unconfirmed_today=past.unconfirmed):
        return False
    confirm(confirmation, STEP_UP_ACTION, confirmation.parameters(order))
    return True


def confirm(confirmation: Confirmation, action: str, parameters: dict[str, str]) -> None:
    """Spend the person's step-up token for this act. Raises: StepUpRequired, which says what to ask for."""
    try:
        step_up.require(actor=confirmation.actor, action=action, parameters=parameters, token=confirmation.token)
    except StepUpRequired as refusal:
        raise StepUpRequired(action=action, parameters=parameters) from refusal


def _assess(transfer: Transfer, past: Past, confirmation: Confirmation | None) -> Assessed:
    """Have fraud judge the transfer, by what is so while the accounts are locked."""
    known = facts.facts_of(
        past,
        source=transfer.source,
        target=transfer.target,
        amount=transfer.amount,
        now=transfer.created_at,
        where=_whereabouts(confirmation),
    )
    return fraud.assess(facts=known, subject_kind=SUBJECT, subject_id=str(transfer.pk))


def _whereabouts(confirmation: Confirmation | None) -> Whereabouts | None:
    if confirmation is None or not confirmation.actor.sid:  # Nobody at a device: a plan, a command.
        return None
    actor = confirmation.actor
    return fraud.whereabouts(user_id=actor.id, sid=actor.sid, ip=request_context.current().ip)


def _settle(unit: UnitOfWork, transfer: Transfer, assessed: Assessed) -> None:
    """Post the transfer, or hold its money; store it, and tell both sides."""
    source = transfer.source
    transfer.assessment = assessed.assessment
    if assessed.hold:
        transfer.state = TransferState.HELD
        transfer.hold = ledger.hold(
            account=source, amount=transfer.amount, reason=f"transfer {transfer.pk}", expires_at=assessed.hold_until
        )
    else:
        transfer.state, transfer.decided_at = TransferState.POSTED, transfer.created_at
        transfer.posting = ledger.post(
            bank=source.bank,
            kind=PostingKind.TRANSFER,
            lines=lines_of(transfer),
            currency=transfer.currency,
            actor_id=transfer.actor_id,
            memo=f"transfer {transfer.pk}",
        )
    _store(transfer)
    facts = {"amount": str(transfer.amount), "currency": transfer.currency, "source": str(source.pk)}
    if transfer.schedule_id is not None:
        facts["schedule"] = str(transfer.schedule_id)
    audit.record(
        actor_id=transfer.actor_id,
        action=f"transfer.{transfer.state}",
        target=transfer,
        facts=facts,
        subject_id=source.customer.user_id,
    )
    if assessed.hold:
        tell_both(unit, transfer, TransferHeld)
    else:
        book_and_tell(unit, transfer)


def _store(transfer: Transfer) -> None:
    """Insert the transfer, by a statement written once."""
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [getattr(transfer, name) for name in _COLUMNS])


def lines_of(transfer: Transfer) -> list[Line]:
    """Return the entries that a transfer is: between two banks, each owes or is owed by the other."""
    source, target, amount = transfer.source, transfer.target, transfer.amount
    lines = [Line(-amount, source), Line(amount, target)]
    if source.bank_id != target.bank_id:
        lines += [
            Line(amount, internal=(source.bank_id, InternalKind.INTERBANK)),
            Line(-amount, internal=(target.bank_id, InternalKind.INTERBANK)),
        ]
    return lines


def book_and_tell(unit: UnitOfWork, transfer: Transfer) -> None:
    """Write what was posted into both sides' budgets, and tell them. Between one's own accounts nothing is earned or
    spent, so no budget hears of it."""
    posting = transfer.posting
    if posting is not None and not transfer.is_own:
        source, target, memo = transfer.source, transfer.target, transfer.memo
        to = transfer.payee_name or target.account_number
        movements.book(posting, source, amount=-transfer.amount, title=f"To {to}", memo=memo)
        of = source.customer.name or source.account_number
        movements.book(posting, target, amount=transfer.amount, title=f"From {of}", memo=memo)
    tell_both(unit, transfer, TransferPosted)


def sides_of(transfer: Transfer) -> list[tuple[int, Account, str]]:
    """Return the owners who are told, each with their account and which way the money goes for them; somebody who owns
    both accounts hears of it once."""
    sides = [(transfer.source, "own" if transfer.is_own else "out")]
    if not transfer.is_own:
        sides.append((transfer.target, "in"))
    return [
        (account.customer.user_id, account, direction)
        for account, direction in sides
        if account.customer.user_id is not None
    ]


def tell_both(unit: UnitOfWork, transfer: Transfer, kind: type[TransferPosted | TransferHeld]) -> None:
    """Tell the owners of both accounts."""
    for user_id, account, direction in sides_of(transfer):
        notice: Notice = kind(
            transfer_id=str(transfer.pk),
            account_id=str(account.pk),
            direction=direction,
            amount=str(transfer.amount),
            currency=transfer.currency,
        )
        notifications.tell(unit, topics=[notifications.inbox_of(user_id)], notice=notice)
