"""SHAP values in words: what moved this estimate, and which way."""

from collections.abc import Callable, Mapping

from ml.columns import AMOUNT, FEATURES, HOME, JOB_YEARS, PURPOSE, SCORE, TERM
from ml.inference.encoding import is_missing, read_number
from ml.inference.results import Reason

# From so much log-odds on, an effect is called by this word.
_STRENGTHS = ((0.30, "strongly "), (0.10, ""), (0.0, "slightly "))


def _amount(value: object, name: str) -> str:
    return f"{read_number(name, value):,.0f}"


def _number(value: object, name: str) -> str:
    return f"{read_number(name, value):g}"


def _word(value: object, _: str) -> str:
    return str(value).strip()


_NOUNS: dict[str, tuple[str, Callable[[object, str], str]]] = {
    AMOUNT: ("loan amount", _amount),
    TERM: ("term", _word),
    SCORE: ("credit score", _number),
    "Annual Income": ("annual income", _amount),
    JOB_YEARS: ("time in the current job", _word),
    HOME: ("home ownership", _word),
    PURPOSE: ("purpose", _word),
    "Monthly Debt": ("monthly debt", _amount),
    "Years of Credit History": ("years of credit history", _number),
    "Months since last delinquent": ("months since the last late payment", _number),
    "Number of Open Accounts": ("number of open accounts", _number),
    "Number of Credit Problems": ("number of credit problems", _number),
    "Current Credit Balance": ("current credit balance", _amount),
    "Maximum Open Credit": ("maximum open credit", _amount),
    "Bankruptcies": ("number of bankruptcies", _number),
    "Tax Liens": ("number of tax liens", _number),
}


def in_words(effects: Mapping[str, float], values: Mapping[str, object], most: int) -> tuple[Reason, ...]:
    """Return the strongest reasons, at most `most`; what moved nothing is none."""
    ranked = sorted(FEATURES, key=lambda name: -abs(effects[name]))[:most]
    return tuple(
        Reason(name, effects[name], _sentence(name, effects[name], values)) for name in ranked if effects[name]
    )


def _sentence(name: str, effect: float, values: Mapping[str, object]) -> str:
    noun, shown = _NOUNS[name]
    verb = "raises" if effect > 0 else "lowers"
    strength = next(word for least, word in _STRENGTHS if abs(effect) >= least)
    ending = f"{strength}{verb} the chance of full repayment."
    value = values.get(name)
    if is_missing(value) or (shown is not _word and read_number(name, value) != read_number(name, value)):
        return f"That no usable {noun} is known {ending}"
    return f"The {noun} ({shown(value, name)}) {ending}"
