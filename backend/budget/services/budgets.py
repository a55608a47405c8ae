"""What a person wants to spend at most in a category each month."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.db import IntegrityError

from backend.audit import services as audit
from backend.budget.errors import BudgetExists, BudgetUnknown, InvalidField
from backend.budget.models import Budget
from backend.budget.months import this_month
from backend.budget.services.thresholds import tell_what_is_reached
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work


def set_budget(*, actor: Principal, category_id: uuid.UUID, amount: Decimal) -> Budget:
    """Store a monthly budget for a category of expenses.

    Raises: InvalidField, BudgetExists. After commit: notices, if this month has already spent it.
    """
    with _explained(), unit_of_work() as unit:
        budget = Budget.objects.create(user_id=actor.id, category_id=category_id, amount=amount)
        _tell(unit, budget)
        audit.record(actor_id=actor.id, action="budget.created", target=budget)
    return budget


def change_budget(*, actor: Principal, budget_id: uuid.UUID, amount: Decimal | None) -> Budget:
    """Change the amount. Repeating: changes and records nothing.

    Raises: BudgetUnknown. Locks: the budget. After commit: notices, if this month has already spent it.
    """
    with unit_of_work() as unit:
        own = Budget.objects.filter(pk=budget_id, user_id=actor.id)
        budget = own.select_for_update(no_key=True).first()
        if budget is None:
            raise BudgetUnknown
        if amount is not None and budget.amount != amount:
            old, new = {"amount": budget.amount}, {"amount": amount}
            budget.amount = amount
            budget.save(update_fields=["amount"])
            _tell(unit, budget)
            audit.record(actor_id=actor.id, action="budget.changed", target=budget, old=old, new=new)
    return budget


def delete_budget(*, actor: Principal, budget_id: uuid.UUID) -> None:
    """Raises: BudgetUnknown."""
    with unit_of_work():
        deleted, _ = Budget.objects.filter(pk=budget_id, user_id=actor.id).delete()
        if not deleted:
            raise BudgetUnknown
        audit.record(actor_id=actor.id, action="budget.deleted", target=Budget(pk=budget_id))


def _tell(unit: UnitOfWork, budget: Budget) -> None:
    tell_what_is_reached(unit, user_id=budget.user_id, spent=[(budget.category_id, this_month())])


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except IntegrityError as refusal:
        constraint = getattr(getattr(refusal.__cause__, "diag", None), "constraint_name", None)
        if constraint == "budget_budget_one_per_category":
            raise BudgetExists from refusal
        if constraint == "budget_budget_category_of_kind":
            raise InvalidField("category", "There is no such category of expenses.") from refusal
        raise
