"""The demo manager's bank: customers with accounts and loans, made as a manager would (design.md section 2)."""

import random
from decimal import Decimal

from backend.banking.models import Account, Bank, HomeOwnership, JobYears, LoanStatus, Term
from backend.banking.services import accounts, banks, customers, loans, manager_loans
from backend.common import hooks
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.identity.principals import principal_of

BANK = {
    "bank_name": "Riverside Savings",
    "address": "12 Quay Street",
    "city": "Porto",
    "zip_code": "4050-012",
    "country": "Portugal",
}
FIRST_NAMES = ["Ana", "Bruno", "Clara", "Duarte", "Eva", "Filipe", "Greta", "Hugo", "Ines", "Jonas", "Katia", "Luis"]
LAST_NAMES = [
    "Almeida",
    "Berg",
    "Costa",
    "Duarte",
    "Esteves",
    "Fonseca",
    "Gomes",
    "Horta",
    "Iglesias",
    "Jardim",
    "Klein",
    "Lopes",
]
PURPOSES = ("Debt Consolidation", "Home Improvements", "Business Loan", "Buy a Car", "Medical Bills", "Other")
HOW_MANY = 24


def load_demo(demo: hooks.Demo) -> None:
    """Make the bank if its manager has none. One query when all is there."""
    manager = demo.accounts["manager"]
    if Bank.objects.filter(manager=manager).exists():
        return
    with unit_of_work():
        actor = principal_of(User.objects.get(pk=manager))
        bank = banks.register_bank(actor=actor, fields=BANK)
        dice = random.Random(7)  # noqa: S311 - the same bank on every machine
        for number in range(HOW_MANY):
            _add_customer(actor, bank, number, dice)


def _add_customer(actor: Principal, bank: Bank, number: int, dice: random.Random) -> None:
    """Add a customer with one account, one or two loans on record, and for some a loan that lives."""
    profile = {
        "first_name": FIRST_NAMES[number % len(FIRST_NAMES)],
        "last_name": dice.choice(LAST_NAMES),
        "city": "Porto",
        "country": "Portugal",
        "credit_score": None if number % 6 == 5 else Decimal(dice.randint(560, 840)),
        "annual_income": dice.randint(18, 95) * 1000,
        "years_in_current_job": dice.choice(JobYears.values),
        "home_ownership": dice.choice(HomeOwnership.values),
        "years_of_credit_history": Decimal(dice.randint(20, 300)) / 10,
        "number_of_open_accounts": dice.randint(2, 18),
        "number_of_credit_problems": dice.choice([0, 0, 0, 1]),
        "bankruptcies": 0,
        "tax_liens": 0,
    }
    customer = customers.register_customer(actor=actor, bank_id=bank.pk, fields=profile)
    account = accounts.open_account(
        actor=actor,
        bank_id=bank.pk,
        customer_id=customer.pk,
        account_number=f"PT50{number + 1:012}",
        balance=Decimal(dice.randint(0, 900_000)) / 100,
        fields={
            "monthly_debt": Decimal(dice.randint(10_000, 200_000)) / 100,
            "current_credit_balance": Decimal(dice.randint(0, 900)) * 10,
            "maximum_open_credit": dice.randint(10, 90) * 500,
            "credit_line": Decimal(dice.randint(4, 40)) * 500 if number % 3 == 0 else None,
        },
    )
    _add_loans(actor, account, number, dice)


def _add_loans(actor: Principal, account: Account, number: int, dice: random.Random) -> None:
    for _ in range(1 + number % 2):
        ended = LoanStatus.CHARGED_OFF if dice.random() < 0.2 else LoanStatus.FULLY_PAID
        manager_loans.register_loan(
            actor=actor, account_id=account.pk, fields={**_terms(dice, 3, 40), "loan_status": ended}
        )
    if number % 4 == 0:
        living = manager_loans.register_loan(actor=actor, account_id=account.pk, fields=_terms(dice, 1, 4))
        if number % 8 == 0:
            loans.activate_loan(actor_id=actor.id, loan_id=living.pk)


def _terms(dice: random.Random, least: int, most: int) -> dict[str, object]:
    return {
        "current_loan_amount": Decimal(dice.randint(least, most)) * 500,
        "term": dice.choice(Term.values),
        "purpose": dice.choice(PURPOSES),
    }
