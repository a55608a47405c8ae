"""What may stand in a banking profile (S2-B1 to S2-B8)."""

from datetime import date

import pytest

from backend.kyc import rules

TODAY = date(2026, 11, 25)


@pytest.mark.parametrize("text", ["ana", "ana_banker", "A1_b2", "x" * 30])
def test_usernames_of_the_documents_pass(text):
    """S2-B1: the documented sample has an underscore inside."""
    assert rules.checked_username(text) == text


@pytest.mark.parametrize("text", ["an", "x" * 31, "_ana", "ana_", "ana.b", "ana b", "ana@b", "ána", "ana\n"])
def test_other_usernames_are_refused(text):
    with pytest.raises(ValueError, match="character|letter"):
        rules.checked_username(text)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("+999999999", "+999999999"),
        ("999999999", "+999999999"),
        ("+1 (234) 567-8901", "+12345678901"),
        ("1234567890", "+1234567890"),
        ("+123456789012345", "+123456789012345"),
    ],
)
def test_one_phone_has_one_form(text, stored):
    """S2-B4, BUG-S2-6: with and without the plus, and with fifteen digits."""
    assert rules.checked_phone(text) == stored


@pytest.mark.parametrize(
    "text", ["12345678", "+1234567890123456", "+000123456789", "111222333444", "phone", "++1234567890"]
)
def test_what_is_no_phone_is_refused(text):
    with pytest.raises(ValueError, match="digits|numbers"):
        rules.checked_phone(text)


@pytest.mark.parametrize(
    ("born", "today", "is_adult"),
    [
        (date(2008, 11, 25), TODAY, True),
        (date(2008, 11, 26), TODAY, False),
        (date(2008, 2, 29), date(2026, 2, 28), False),
        (date(2008, 2, 29), date(2026, 3, 1), True),
        (date(2004, 2, 29), date(2022, 2, 28), False),
        (date(2002, 2, 28), date(2020, 2, 28), True),
    ],
)
def test_eighteen_is_told_by_the_exact_birthday(born, today, is_adult):
    """E-REG-3, BUG-S2-4: accepted on the day itself; 29 February falls on 1 March."""
    if is_adult:
        assert rules.checked_birth_date(born, today=today) == born
    else:
        with pytest.raises(ValueError, match="18"):
            rules.checked_birth_date(born, today=today)


@pytest.mark.parametrize("born", [date(2026, 11, 26), date(1905, 11, 25)])
def test_the_future_and_the_very_old_are_refused(born):
    """S2-B5."""
    with pytest.raises(ValueError, match="future|far back"):
        rules.checked_birth_date(born, today=TODAY)


@pytest.mark.parametrize("text", ["123-45-6789", "987-65-4321", "123456789", "123 45 6789"])
def test_the_documented_ssn_samples_pass(text):
    """K-54, BUG-S2-5."""
    assert rules.checked_ssn(text).isdigit()


@pytest.mark.parametrize(
    "text", ["000-00-0000", "777777777", "12345678", "1234567890", "12-345-6789", "abc-de-fghi", ""]
)
def test_dummies_and_other_lengths_are_refused(text):
    """E-REG-2."""
    with pytest.raises(ValueError, match="social security number"):
        rules.checked_ssn(text)


@pytest.mark.parametrize(
    ("text", "passes"), [("x" * 9, False), ("x" * 10, True), ("x" * 200, True), ("x" * 201, False)]
)
def test_addresses_have_their_length(text, passes):
    """S2-B7."""
    if passes:
        assert rules.checked_address(text) == text
    else:
        with pytest.raises(ValueError, match="10 to 200"):
            rules.checked_address(text)
