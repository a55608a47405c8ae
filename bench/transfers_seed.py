"""`python -m bench.transfers_seed N`: a bank, N verified people with money and N payees; printed as JSON with tokens.

Each person is used a few times only, so that no transfer is one of many in an hour, which fraud's rules would hold.
For pgbench the same people stand in a table by number, beside a copy of the trail, whose rows it cannot sign.
"""

import json
import sys
from decimal import Decimal

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from backend.banking import ledger  # noqa: E402
from backend.banking.ledger import Line  # noqa: E402
from backend.banking.models import Account, Bank, Customer, InternalKind, PostingKind  # noqa: E402
from backend.common.principal import CUSTOMER  # noqa: E402
from backend.common.unit_of_work import unit_of_work  # noqa: E402
from backend.identity.models import User  # noqa: E402
from bench.seed import people, token_of  # noqa: E402

MONEY = Decimal("100000.00")
AT_ONCE = 100
# Two parts of the bench seed this in one run: the tables are the later one's.
_FOR_PGBENCH = """
DROP TABLE IF EXISTS bench_audit, bench_pending, bench_people;
CREATE TABLE bench_audit (LIKE audit_log INCLUDING ALL);
CREATE TABLE bench_pending (LIKE audit_pending INCLUDING ALL);
CREATE TABLE bench_people AS
SELECT row_number() OVER (ORDER BY a.account_id)::int AS n, a.account_id AS account, c.user_id, a.bank_id AS bank,
    p.account_id AS payee, p.user_id AS payee_user, t.id AS topic, pt.id AS payee_topic
FROM banking_account a JOIN banking_customer c USING (customer_id)
JOIN realtime_topic t ON t.key = 'user.' || c.user_id
JOIN (SELECT o.bank_id, o.account_number, o.account_id, oc.user_id FROM banking_account o
    JOIN banking_customer oc USING (customer_id) WHERE o.account_number LIKE 'payee-%') p
    ON p.bank_id = a.bank_id AND p.account_number = 'payee-' || a.account_number
JOIN realtime_topic pt ON pt.key = 'user.' || p.user_id;
ALTER TABLE bench_people ADD PRIMARY KEY (n);
ANALYZE;
"""


def main(count: int) -> None:
    call_command("migrate", verbosity=0)
    bank = Bank.objects.create(bank_name="Bench")
    senders = accounts(bank, count, "{}", MONEY)
    accounts(bank, count, "payee-{}", Decimal("1.00"))
    with connection.cursor() as cursor:
        cursor.execute(_FOR_PGBENCH)
    found = [
        {
            "token": token_of(account.customer.user),
            "source": str(account.pk),
            "payee": f"payee-{account.account_number}",
        }
        for account in senders
        if account.customer.user is not None
    ]
    json.dump({"bank": str(bank.pk), "people": found}, sys.stdout)


def accounts(bank: Bank, count: int, number: str, money: Decimal) -> list[Account]:
    """Make people with an account each, in their budget, and pay money in."""
    users = people(count, CUSTOMER)
    User.objects.filter(pk__in=[user.pk for user in users]).update(kyc_status="APPROVED")
    customers = Customer.objects.bulk_create(Customer(user=user, first_name="Bo", last_name="Bench") for user in users)
    made = Account.objects.bulk_create(
        Account(bank=bank, customer=customer, account_number=number.format(place), in_budget=True)
        for place, customer in enumerate(customers)
    )
    for start in range(0, count, AT_ONCE):
        with unit_of_work():
            for account in ledger.lock_accounts(*(one.pk for one in made[start : start + AT_ONCE])):
                lines = [Line(money, account), Line(-money, internal=(bank.pk, InternalKind.CASH))]
                ledger.post(bank=bank, kind=PostingKind.OPENING, lines=lines, currency="USD", actor_id=None)
    return made


if __name__ == "__main__":
    main(int(sys.argv[1]))
