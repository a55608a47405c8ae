"""The fields of a banking profile, checked by `rules`, so that every one that is wrong is told at once (E-ERR-1)."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from backend.common.rendering import TextField
from backend.kyc import rules
from backend.kyc.services.profiles import Person


def checked(rule: Callable[[str], str], text: str) -> str:
    try:
        return rule(text)
    except ValueError as fault:
        raise serializers.ValidationError(str(fault)) from None


class KycProfileIn(serializers.Serializer[Any]):
    """What `PUT /api/kyc/profile/` takes, and the S2 registration among other things."""

    phone_number = TextField(max_length=25, help_text="+999999999, 9 to 15 digits.")
    date_of_birth = serializers.DateField(input_formats=["%Y-%m-%d"])
    ssn = TextField(max_length=15, help_text="Nine digits; dashes or spaces are fine.")
    address = TextField(max_length=500, help_text="10 to 200 characters.")

    def validate_phone_number(self, value: str) -> str:
        return checked(rules.checked_phone, value)

    def validate_date_of_birth(self, value: date) -> date:
        try:
            return rules.checked_birth_date(value, today=datetime.now(UTC).date())
        except ValueError as fault:
            raise serializers.ValidationError(str(fault)) from None

    def validate_ssn(self, value: str) -> str:
        return checked(rules.checked_ssn, value)

    def validate_address(self, value: str) -> str:
        return checked(rules.checked_address, value)


def person_of(asked: dict[str, Any]) -> Person:
    return Person(
        phone=asked["phone_number"],
        date_of_birth=asked["date_of_birth"],
        ssn=asked["ssn"],
        address=asked["address"],
    )


def one_of(request: Request, name: str, words: Sequence[str]) -> str:
    """Return a filter's value, "" when it is not given. Raises: ValidationError for another word."""
    value = request.query_params.get(name, "")
    if value and value not in words:
        raise serializers.ValidationError({name: [f"One of {', '.join(words)}."]})
    return value
