"""What the budget routes take and give, beside what belongs to one view only."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import time
from decimal import Decimal
from typing import Any

import orjson
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError

from backend.budget.errors import CategoryInUse, InvalidField
from backend.budget.models import Entry
from backend.budget.selectors.entries import FIELDS, SHOWN, Row
from backend.common.errors import DomainError
from backend.common.problems import body_of
from backend.common.rendering import RawJson, TextField

LEAST = Decimal("0.01")


class Money(serializers.DecimalField):
    """A positive amount with at most two decimal places, as a number or as text (S1-B13, E-S1-6)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=10, decimal_places=2, min_value=LEAST, **kwargs)


class TimeOfDay(serializers.TimeField):
    """A time of day to the second."""

    def to_internal_value(self, value: Any) -> time:
        return super().to_internal_value(value).replace(microsecond=0)


class IncomeIn(serializers.Serializer[Any]):
    title = TextField(max_length=100)
    description = TextField(max_length=100, allow_blank=True)
    amount = Money()
    creation_date = serializers.DateField()
    creation_time = TimeOfDay()
    category = serializers.UUIDField(source="category_id")


class ExpenseIn(IncomeIn):
    subcategory = serializers.UUIDField(source="subcategory_id")


class NewIncomeIn(IncomeIn):
    client_id = TextField(max_length=64, required=False, help_text="Makes sending again safe: unique per person.")


class NewExpenseIn(ExpenseIn):
    client_id = TextField(max_length=64, required=False, help_text="Makes sending again safe: unique per person.")


class IncomeOut(serializers.Serializer[Any]):
    """Named for the document only: rows become JSON by `entries_json`."""

    id = serializers.UUIDField()
    title = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=100)
    amount = serializers.DecimalField(max_digits=20, decimal_places=2)
    creation_date = serializers.DateField()
    creation_time = serializers.TimeField()
    user = serializers.IntegerField()
    category = serializers.UUIDField()


class ExpenseOut(IncomeOut):
    subcategory = serializers.UUIDField()


class IncomePageOut(serializers.Serializer[Any]):
    results = IncomeOut(many=True)
    next = serializers.CharField(allow_null=True, help_text="The cursor of the following page.")


class ExpensePageOut(IncomePageOut):
    results = ExpenseOut(many=True)


class ChangedIncomeOut(serializers.Serializer[Any]):
    """What the change routes answer (S1-R13, S1-R17)."""

    title = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=100)
    amount = serializers.DecimalField(max_digits=20, decimal_places=2)
    user = serializers.IntegerField()
    category = serializers.UUIDField()


class ChangedExpenseOut(ChangedIncomeOut):
    subcategory = serializers.UUIDField()


class DeletedIncomeOut(IncomeOut):
    deleted_at = serializers.DateTimeField()


class DeletedExpenseOut(ExpenseOut):
    deleted_at = serializers.DateTimeField()


def entries_json(kind: str, rows: Sequence[Row], *more: str) -> RawJson:
    """Return rows of the selectors as a JSON array; `more` names what their ends hold beside the entry's fields."""
    names = (*SHOWN[kind], *more)
    return RawJson(orjson.dumps([dict(zip(names, row, strict=True)) for row in rows], option=orjson.OPT_UTC_Z))


def entry_dict(entry: Entry) -> dict[str, Any]:
    """Return an entry as lists have it."""
    values = (
        entry.pk,
        entry.title,
        entry.description,
        entry.amount,
        entry.creation_date,
        entry.creation_time,
        entry.user_id,
        entry.category_id,
        entry.subcategory_id,
    )
    return dict(zip(SHOWN[entry.kind], values, strict=False))


def changed_dict(entry: Entry) -> dict[str, Any]:
    """Return what a change answers: an entry without its id and moment (S1-R13)."""
    return {name: value for name, value in entry_dict(entry).items() if name in _CHANGED}


_CHANGED = frozenset(FIELDS) - {"id", "creation_date", "creation_time"}


@contextmanager
def bad_request() -> Iterator[None]:
    """The S1 routes answer 400 where a rule says no: by field, or with what refers to a category."""
    try:
        yield
    except InvalidField as fault:
        raise ValidationError({fault.field: [fault.detail]}) from None
    except CategoryInUse as fault:
        raise InUse(fault) from None


class InUse(APIException):
    """A refusal with the counts of what refers to it, as numbers."""

    status_code = 400

    def __init__(self, fault: DomainError) -> None:
        super().__init__(fault.detail)
        self.detail = body_of(fault)


def uuid_of(name: str, text: str | None) -> uuid.UUID | None:
    """Raises: ValidationError."""
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise ValidationError({name: ["This is no UUID."]}) from None
