"""What all banking doors share: how money and references look, and how a refused value becomes 400."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from backend.banking.errors import InvalidField


@contextmanager
def bad_request() -> Iterator[None]:
    """The contract's routes answer 400 by field where a rule refuses a value."""
    try:
        yield
    except InvalidField as fault:
        raise ValidationError({fault.field: [fault.detail]}) from None


class Money(serializers.DecimalField):
    """Two places; text in answers, text or a number in bodies (design.md section 5)."""

    def __init__(self, *, max_digits: int = 20, **kwargs: Any) -> None:
        super().__init__(max_digits=max_digits, decimal_places=2, **kwargs)


def uuid_in(request: Request, name: str) -> uuid.UUID | None:
    """Return a UUID of the query; None where it is absent or empty. A slash behind it, as the S0 documents print it,
    is no part of it (S0-R19).

    Raises: ValidationError (E-S0-8, BUG-S0-27).
    """
    text = request.query_params.get(name, "").rstrip("/")
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise ValidationError({name: ["This is no UUID."]}) from None
