"""What a bank lends to people for: made and changed by its staff. A change is for later applications only."""

from typing import Any
from uuid import UUID

from backend.audit import services as audit
from backend.banking.errors import BankUnknown
from backend.banking.lending_errors import ProductUneven, ProductUnknown
from backend.banking.models import Bank, LoanProduct
from backend.banking.selectors import lending as selectors
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work


def create_product(*, actor: Principal, bank_id: UUID, fields: dict[str, Any]) -> LoanProduct:
    """Have a bank lend on these terms, in its own currency unless they name another, and return them.

    Raises: LoanStaffOnly, BankUnknown (no bank of theirs), ProductUneven.
    """
    banks = selectors.desk_banks(actor)
    with unit_of_work():
        bank = Bank.objects.filter(pk=bank_id).first()
        if bank is None or (banks is not None and bank.pk not in banks):
            raise BankUnknown
        product = LoanProduct(bank=bank, **{"currency": bank.currency, **fields})
        _check(product)
        product.save(force_insert=True)
        facts = {"bank": str(bank.pk), "terms": _terms(product)}
        audit.record(actor_id=actor.id, action="loan_product.created", target=product, facts=facts)
    return product


def change_product(*, actor: Principal, product_id: UUID, changes: dict[str, Any]) -> LoanProduct:
    """Change the terms on which a bank lends from now on, or close the product; return it. Repeating changes nothing.

    Who has applied keeps the terms that they applied for.
    Raises: LoanStaffOnly, ProductUnknown, ProductUneven. Locks: the product.
    """
    banks = selectors.desk_banks(actor)
    with unit_of_work():
        product = LoanProduct.objects.select_for_update(no_key=True).filter(pk=product_id).first()
        if product is None or (banks is not None and product.bank_id not in banks):
            raise ProductUnknown
        changed = sorted(name for name, value in changes.items() if getattr(product, name) != value)
        if not changed:
            return product
        for name in changed:
            setattr(product, name, changes[name])
        _check(product)
        product.save(update_fields=changed)
        facts = {"bank": str(product.bank_id), "fields": changed, "terms": _terms(product)}
        audit.record(actor_id=actor.id, action="loan_product.changed", target=product, facts=facts)
    return product


def _check(product: LoanProduct) -> None:
    is_even = (
        product.amount_min <= product.amount_max
        and product.months_min <= product.months_max
        and product.grace_days < product.charge_off_days
    )
    if not is_even:
        raise ProductUneven


def _terms(product: LoanProduct) -> dict[str, Any]:
    named = ("annual_rate", "amount_min", "amount_max", "months_min", "months_max", "grace_days", "charge_off_days")
    return {"is_open": product.is_open, **{name: str(getattr(product, name)) for name in named}}
