"""The demo customer's accounts, with some history and something to decide: made as the doors make them (design.md
section 2)."""

from datetime import UTC, datetime
from decimal import Decimal

from backend.audit import services as audit
from backend.banking import ledger
from backend.banking.models import Account, Bank, Rhythm, Transfer, TransferState
from backend.banking.selectors.people import Payee
from backend.banking.selectors.statements import next_month
from backend.banking.services import openings, schedules, tellers, transfers
from backend.banking.services.schedules import Plan
from backend.banking.services.transfers import Order
from backend.common import hooks
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.identity.services import sessions

SALARY, RENT = Decimal("2400.00"), Decimal("780.00")
SPENT = (("Corner Bakery", "6.40"), ("City Gas", "84.10"), ("Ana Almeida", "25.00"))
SAVED = Decimal("45000.00")
# More than the shipped rules let pass without somebody looking: the desk's open alert.
LARGE = Decimal("12500.00")


def load_people_demo(demo: hooks.Demo) -> None:
    """Open the demo customer's two accounts at the demo manager's bank, pay in, send, plan the rent, and have one large
    transfer wait for a decision. Four queries when all is there; nothing where the bank has nobody to send to."""
    user_id = demo.accounts["customer"]
    bank = Bank.objects.filter(manager=demo.accounts["manager"]).first()
    payee = Account.objects.filter(bank=bank, customer__user=None).order_by("created_at", "pk").first()
    if bank is None or payee is None:
        return
    if not Account.objects.filter(customer__user=user_id).exists():
        teller = principal_of(User.objects.get(pk=demo.accounts["manager"]))
        _make_history(_verified(user_id), teller, bank, payee)
    if not Transfer.objects.filter(source__customer__user=user_id, state=TransferState.HELD).exists():
        _send_something_large(user_id, payee)


def _make_history(customer: Principal, teller: Principal, bank: Bank, payee: Account) -> None:
    to = Payee(bank_id=bank.pk, account_number=payee.account_number)
    with unit_of_work():
        main = openings.open_own_account(actor=customer, bank_id=bank.pk)
        savings = openings.open_own_account(actor=customer, bank_id=bank.pk)
        tellers.deposit(actor=teller, account_id=main.pk, amount=SALARY)
        tellers.deposit(actor=teller, account_id=savings.pk, amount=SAVED)
        for name, amount in SPENT:
            transfers.send_transfer(
                actor=customer, source_id=main.pk, payee=to, amount=Decimal(amount), payee_name=name
            )
        transfers.send_transfer(
            actor=customer, source_id=main.pk, payee=Payee(account_id=savings.pk), amount=Decimal("300.00")
        )
        tellers.withdraw(actor=teller, account_id=main.pk, amount=Decimal("60.00"))
        first = next_month(ledger.booked_on(bank, datetime.now(UTC)).replace(day=1))
        plan = Plan(amount=RENT, rhythm=Rhythm.MONTHLY, starts_on=first, memo="Rent", payee_name="Harbour Lettings")
        schedules.plan_transfer(actor=customer, source_id=main.pk, payee=to, plan=plan)


def _send_something_large(user_id: int, payee: Account) -> None:
    """Have money wait for the desk, if there is enough: an alert to decide about at every start."""
    mine = Account.objects.filter(customer__user=user_id, balance__gte=LARGE).order_by("created_at", "pk")
    funded = next((one for one in mine if one.is_active and one.available >= LARGE), None)
    if funded is None or not payee.is_active:
        return
    with unit_of_work() as unit:
        order = Order(
            user_id=user_id, source_id=funded.pk, target_id=payee.pk, amount=LARGE, payee_name="Cars of Porto"
        )
        transfers.carry_out(unit, order, None)


def _verified(user_id: int) -> Principal:
    """Return the demo customer, approved without documents: there is nobody behind them."""
    with unit_of_work() as unit:
        user = User.objects.select_for_update(no_key=True).get(pk=user_id)
        if user.kyc_status != User.KycStatus.APPROVED:
            user.kyc_status, user.is_account_verified = User.KycStatus.APPROVED, True
            user.save(update_fields=["kyc_status", "is_account_verified", "updated_at"])
            audit.record(actor_id=None, action="kyc.approved", target=user, facts={"is_demo": True})
            sessions.principal_changed(unit, user_id=user.pk)
    return principal_of(user)
