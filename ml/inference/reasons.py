"""SHAP values in words: what moved this estimate, and which way."""

import math
from collections.abc import Mapping

from ml.columns import AMOUNT, HOME, JOB_YEARS, PURPOSE, SCORE, TERM
from ml.inference.encoding import is_missing, read_number
from ml.inference.results import Reason

# From so much log-odds on, an effect is called by this word.
_STRONG, _CLEAR = 0.30, 0.10
_RAISING, _LOWERING = (
    tuple(f"{strength}{verb} the chance of full repayment." for strength in ("strongly ", "", "slightly "))
    for verb in ("raises", "lowers")
)
WORD_MAX = 60

_AMOUNT, _NUMBER, _WORD = "{:,.0f}", "{:g}", "{}"

# What each is called, and how its value is shown.
_NOUNS = {
    AMOUNT: ("loan amount", _AMOUNT),
    TERM: ("term", _WORD),
    SCORE: ("credit score", _NUMBER),
    "Annual Income": ("annual income", _AMOUNT),
    JOB_YEARS: ("time in the current job", _WORD),
    HOME: ("home ownership", _WORD),
    PURPOSE: ("purpose", _WORD),
    "Monthly Debt": ("monthly debt", _AMOUNT),
    "Years of Credit History": ("years of credit history", _NUMBER),
    "Months since last delinquent": ("months since the last late payment", _NUMBER),
    "Number of Open Accounts": ("number of open accounts", _NUMBER),
    "Number of Credit Problems": ("number of credit problems", _NUMBER),
    "Current Credit Balance": ("current credit balance", _AMOUNT),
    "Maximum Open Credit": ("maximum open credit", _AMOUNT),
    "Bankruptcies": ("number of bankruptcies", _NUMBER),
    "Tax Liens": ("number of tax liens", _NUMBER),
}


def in_words(effects: Mapping[str, float], values: Mapping[str, object], most: int) -> tuple[Reason, ...]:
    """Return the strongest reasons, at most `most`; what moved nothing is none."""
    ranked = sorted(zip(map(abs, effects.values()), effects, strict=True), reverse=True)[:most]
    return tuple([_reason(name, effects[name], size, values.get(name)) for size, name in ranked if size])


def _reason(name: str, effect: float, size: float, value: object) -> Reason:
    noun, shape = _NOUNS[name]
    known = _shown(name, value, shape)
    endings = _RAISING if effect > 0 else _LOWERING
    ending = endings[0] if size >= _STRONG else endings[1] if size >= _CLEAR else endings[2]
    return Reason(
        name, effect, f"That no usable {noun} is known {ending}" if known is None else f"The {noun} ({known}) {ending}"
    )


def _shown(name: str, value: object, shape: str) -> str | None:
    if shape is _WORD and name != JOB_YEARS:
        return None if is_missing(value) else str(value).strip()[:WORD_MAX]
    number = read_number(name, value)
    if math.isnan(number):
        return None
    return str(value).strip() if shape is _WORD else shape.format(number)
