"""`python -m bench.model_seed LOANS`: migrate, make a manager whose bank has loans; print what is needed to ask."""

import json
import sys
import uuid
from decimal import Decimal

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from backend.banking.models import Account, Bank, Customer, Door, Loan, Registration  # noqa: E402
from backend.common.principal import CUSTOMER  # noqa: E402
from bench.seed import people, token_of  # noqa: E402

KNOWN = {
    "credit_score": Decimal("738.00"),
    "annual_income": 1_250_000,
    "years_in_current_job": "4 years",
    "home_ownership": "Home Mortgage",
    "years_of_credit_history": Decimal("17.40"),
    "number_of_open_accounts": 10,
    "number_of_credit_problems": 0,
    "bankruptcies": 0,
    "tax_liens": 0,
}
OWED = {
    "monthly_debt": Decimal("16100.50"),
    "current_credit_balance": Decimal("210000.00"),
    "maximum_open_credit": 470_000,
}


def main(loans: int) -> None:
    call_command("migrate", verbosity=0)
    (manager,) = people(1, CUSTOMER)
    bank = Bank.objects.create(bank_name="Bench", manager=manager)
    customer = Customer.objects.create(first_name="Bo", last_name="Silva", **KNOWN)
    Registration.objects.create(bank=bank, customer=customer)
    account = Account.objects.create(bank=bank, customer=customer, account_number=uuid.uuid4().hex, **OWED)
    amounts = (Decimal(50_000 + 700 * (number % 900)) for number in range(loans))
    Loan.objects.bulk_create(
        (
            Loan(
                account=account,
                bank=bank,
                door=Door.MANAGER,
                current_loan_amount=amount,
                outstanding=amount,
                currency="USD",
                term="Short Term",
                purpose="Other",
            )
            for amount in amounts
        ),
        batch_size=5_000,
    )
    json.dump({"token": token_of(manager), "account": str(account.pk)}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
