"""What the demo manager's bank lends to people for, and to the demo customer (design.md section 2)."""

from decimal import Decimal

from backend.banking.amortisation import DayCount, Method
from backend.banking.models import Account, AccountStatus, Bank, LoanApplication, LoanProduct, Purpose
from backend.banking.services.lending import applications, products
from backend.common import hooks
from backend.common.principal import Principal
from backend.identity.models import User
from backend.identity.principals import principal_of

PERSONAL, HOME = "Personal loan", "Home improvement loan"
PRODUCTS = (
    {
        "name": PERSONAL,
        "annual_rate": Decimal("7.9000"),
        "day_count": DayCount.THIRTY_360.value,
        "amount_min": Decimal("500.00"),
        "amount_max": Decimal("30000.00"),
        "months_min": 6,
        "months_max": 84,
    },
    {
        "name": HOME,
        "annual_rate": Decimal("4.2500"),
        "day_count": DayCount.ACTUAL_365.value,
        "amount_min": Decimal("5000.00"),
        "amount_max": Decimal("80000.00"),
        "months_min": 24,
        "months_max": 180,
    },
)


def load_demo(demo: hooks.Demo) -> None:
    """Have the bank offer loans, if it has none on offer, and the demo customer owe one and wait for another, once they
    have an account there. Four queries when all is there."""
    bank = Bank.objects.filter(manager=demo.accounts["manager"]).first()
    if bank is None:
        return
    if not LoanProduct.objects.filter(bank=bank).exists():
        actor = _person(demo.accounts["manager"])
        for fields in PRODUCTS:
            products.create_product(actor=actor, bank_id=bank.pk, fields=dict(fields))
    open_ones = Account.objects.filter(customer__user=demo.accounts["customer"], bank=bank, status=AccountStatus.OPEN)
    account = open_ones.order_by("created_at", "pk").first()
    if account is not None and not LoanApplication.objects.filter(account=account).exists():
        _borrow(_person(demo.accounts["customer"]), _person(demo.accounts["manager"]), account)


def _borrow(customer: Principal, manager: Principal, account: Account) -> None:
    offered = {one.name: one.pk for one in LoanProduct.objects.filter(bank=account.bank_id, is_open=True)}
    if customer.kyc_status != User.KycStatus.APPROVED or not {PERSONAL, HOME} <= set(offered):
        return
    first = applications.apply(
        actor=customer,
        account_id=account.pk,
        product_id=offered[PERSONAL],
        amount=Decimal("4800.00"),
        months=24,
        method=Method.ANNUITY.value,
        purpose=Purpose.CAR,
    )
    applications.approve(actor=manager, application_id=first.pk)
    applications.apply(
        actor=customer,
        account_id=account.pk,
        product_id=offered[HOME],
        amount=Decimal("12000.00"),
        months=60,
        method=Method.EQUAL_PRINCIPAL.value,
        purpose=Purpose.HOME,
    )


def _person(user_id: int) -> Principal:
    return principal_of(User.objects.get(pk=user_id))
