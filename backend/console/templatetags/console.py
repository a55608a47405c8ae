"""How the console writes numbers, and the words of the slices."""

from decimal import Decimal

from django import template
from django.utils import formats

from backend.console import words

register = template.Library()
register.filter("word", words.word)


@register.filter
def lasting(seconds: float | None) -> str:
    """Write a length of time as people say it: 42 s, 5 min, 2.5 h, 3 d."""
    if seconds is None:
        return "–"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            number = seconds / size
            return f"{number:.0f} {unit}" if number >= 10 or unit == "min" else f"{number:.1f} {unit}"
    return f"{seconds:.0f} s"


@register.filter
def unlocalized(number: float | None) -> str:
    """Write a number as an attribute has it, whatever the language."""
    return f"{float(number or 0):.3f}"


@register.filter
def percent(share: Decimal | float | None) -> str:
    """Write a share of one: 0.8231 is 82.3 %."""
    return "–" if share is None else f"{float(share) * 100:.1f} %"


@register.filter
def money(amount: Decimal | str | None) -> str:
    """Write an amount with its two places, in groups of three."""
    return "–" if amount is None or amount == "" else formats.number_format(Decimal(amount), 2, force_grouping=True)
