"""What may stand in a banking profile (S2-B1 to S2-B8): pure functions that return the value as it is stored.

Each raises ValueError with words for the person who typed it.
"""

import re
from datetime import date

ADULT_YEARS, OLDEST_YEARS = 18, 120

_USERNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_]*[A-Za-z0-9])?")
_PHONE = re.compile(r"\+?1?\d{9,15}")
_SSN = re.compile(r"(\d{3})[- ]?(\d{2})[- ]?(\d{4})")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def checked_username(text: str) -> str:
    """3 to 30 letters, digits and underscores, none of them at an end (S2-B1)."""
    if not 3 <= len(text) <= 30:
        raise ValueError("A username has 3 to 30 characters.")
    if not _USERNAME.fullmatch(text):
        raise ValueError("Use letters, digits and underscores, and no underscore at the beginning or end.")
    return text


def checked_name(text: str) -> str:
    """2 to 30 characters (S2-B8)."""
    if not 2 <= len(text) <= 30:
        raise ValueError("A name has 2 to 30 characters.")
    if _CONTROL.search(text):
        raise ValueError("A name has no control characters.")
    return text


def checked_phone(text: str) -> str:
    """Return the number as `+` and its digits, so that one phone has one form (S2-B4, BUG-S2-6).

    Accepted as people write it: with or without the plus, with spaces, dashes, dots or brackets between.
    """
    bare = re.sub(r"[\s().-]", "", text)
    digits = bare.removeprefix("+")
    if not _PHONE.fullmatch(bare) or not 9 <= len(digits) <= 15:
        raise ValueError("Give the number as +999999999: 9 to 15 digits.")
    if digits.startswith(("000", "111")):
        raise ValueError("There are no numbers that begin with 000 or 111.")
    return f"+{digits}"


def checked_birth_date(born: date, *, today: date) -> date:
    """Whoever is 18 today, by the exact birthday, and no older than 120 (S2-B5, BUG-S2-4).

    Born on 29 February, one's birthday in a common year is 1 March (E-REG-3).
    """
    if born > today:
        raise ValueError("The birth date lies in the future.")
    years = age_on(born, today)
    if years < ADULT_YEARS:
        raise ValueError("You must be at least 18 years old.")
    if years > OLDEST_YEARS:
        raise ValueError("This birth date lies too far back.")
    return born


def age_on(born: date, today: date) -> int:
    """Return the completed years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def checked_ssn(text: str) -> str:
    """Return the nine digits (S2-B6). One digit nine times is a dummy; the documented samples are not (K-54)."""
    match = _SSN.fullmatch(text.strip())
    if match is None:
        raise ValueError("A social security number has nine digits, such as 123-45-6789.")
    digits = "".join(match.groups())
    if len(set(digits)) == 1:
        raise ValueError("This is not a social security number.")
    return digits


def checked_address(text: str) -> str:
    """10 to 200 characters (S2-B7)."""
    if not 10 <= len(text) <= 200:
        raise ValueError("An address has 10 to 200 characters.")
    if _CONTROL.search(text):
        raise ValueError("An address has no control characters.")
    return text
