"""What the demo manager's bank lends to people for (design.md section 2)."""

from decimal import Decimal

from backend.banking.amortisation import DayCount
from backend.banking.models import Bank, LoanProduct
from backend.banking.services.lending import products
from backend.common import hooks
from backend.identity.models import User
from backend.identity.principals import principal_of

PRODUCTS = (
    {
        "name": "Personal loan",
        "annual_rate": Decimal("7.9000"),
        "day_count": DayCount.THIRTY_360.value,
        "amount_min": Decimal("500.00"),
        "amount_max": Decimal("30000.00"),
        "months_min": 6,
        "months_max": 84,
    },
    {
        "name": "Home improvement loan",
        "annual_rate": Decimal("4.2500"),
        "day_count": DayCount.ACTUAL_365.value,
        "amount_min": Decimal("5000.00"),
        "amount_max": Decimal("80000.00"),
        "months_min": 24,
        "months_max": 180,
    },
)


def load_demo(demo: hooks.Demo) -> None:
    """Have the bank offer loans, if it has none on offer. Two queries when all is there."""
    manager = demo.accounts["manager"]
    bank = Bank.objects.filter(manager=manager).first()
    if bank is None or LoanProduct.objects.filter(bank=bank).exists():
        return
    actor = principal_of(User.objects.get(pk=manager))
    for fields in PRODUCTS:
        products.create_product(actor=actor, bank_id=bank.pk, fields=dict(fields))
