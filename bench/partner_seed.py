"""`python -m bench.partner_seed LOANS CUSTOMERS`: banks with 1,000 and with LOANS loans, and customers who can pay for
a long time, in the product's tables and the textbook's; printed as JSON.

Loans are written by SQL, their foreign keys unchecked: what is measured is reading them.
"""

import json
import sys
import uuid
from decimal import Decimal

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from rest_framework_api_key.models import APIKey  # noqa: E402

from backend.banking.models import Account, Bank, Customer, Door, Loan, PartnerKey  # noqa: E402
from backend.banking.partners import PartnerPrincipal  # noqa: E402
from backend.banking.services import credit_lines, loans  # noqa: E402
from backend.common.cursors import cursor_at  # noqa: E402
from backend.identity.models import User  # noqa: E402
from bench.seed import unchecked  # noqa: E402
from bench.variants.textbook.models import TextbookCustomer, TextbookLoan, TextbookTopic  # noqa: E402

FEW = 1_000
OWED = Decimal("9999999999.00")
_LOANS = """
INSERT INTO banking_loan (loan_id, account_id, bank_id, door, recorded, state, current_loan_amount, outstanding,
    currency, purpose, external_id, contract_version, maximum_payment_date, taken_at, created_at, updated_at)
SELECT gen_random_uuid(), %(account)s, %(bank)s, 'partner', false, 'active', 1000, 1000, 'USD', '', 'loan-' || n,
    'v1', now() + interval '1 year', now(), now() - n * interval '1 minute', now()
FROM generate_series(1, %(count)s) n
"""


def main(many: int, payers: int) -> None:
    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)
    found = {"some": _bank_with(FEW), "many": _bank_with(many), "payers": _payers(payers)}
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE banking_loan")
    json.dump(found, sys.stdout)


def _bank_with(count: int) -> dict[str, str]:
    bank, key = _bank()
    account = Account.objects.create(
        bank=bank, customer=Customer.objects.create(), account_number="1", external_id="everybody"
    )
    with connection.cursor() as cursor:
        with unchecked(cursor, "banking_loan"):
            cursor.execute(_LOANS, {"account": account.pk, "bank": bank.pk, "count": count})
    late = Loan.objects.filter(bank=bank).order_by("created_at", "-loan_id").values_list("created_at", "loan_id")[150]
    return {"key": key, "cursor": cursor_at(f"{late[0].isoformat()} {late[1]}")}


def _payers(count: int) -> dict[str, object]:
    """Customers who are signed-up people, so that each payment is an event of theirs."""
    bank, key = _bank()
    actor = PartnerPrincipal(key_prefix="bench", bank_id=bank.pk, currency=bank.currency)
    names = []
    for _ in range(count):
        name = uuid.uuid4().hex
        user = User.objects.create(email=f"{name}@bench.example", username=name, password="!", first_name="Bo")
        account = credit_lines.register_customer(actor=actor, external_id=name, score=OWED)
        Customer.objects.filter(accounts=account).update(user=user)
        loan = loans.create_loan(
            actor_id=None,
            account_id=account.pk,
            amount=OWED,
            door=Door.PARTNER,
            terms=loans.Terms(external_id=name),
        )
        loans.activate_loan(actor_id=None, loan_id=loan.pk)
        customer = TextbookCustomer.objects.create(external_id=name, user=user)
        TextbookLoan.objects.create(
            external_id=name, customer=customer, amount=OWED, outstanding=OWED, status=TextbookLoan.ACTIVE
        )
        TextbookTopic.objects.create(key=f"user.{user.pk}")
        names.append(name)
    return {"key": key, "names": names}


def _bank() -> tuple[Bank, str]:
    bank = Bank.objects.create(bank_name="Bench")
    made, key = APIKey.objects.create_key(name="bench")
    PartnerKey.objects.create(api_key=made, bank=bank)
    return bank, key


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
