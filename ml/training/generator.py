"""Made-up loans with the columns and the oddities of the published set; see the README of the data for each.

How an outcome depends on the features is made up, too, and about as weakly as in life: an honest model gets a ROC-AUC
of about 0.66 of it. Only numpy is needed.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from ml.columns import (
    AMOUNT,
    CHARGED_OFF,
    COLUMNS,
    CUSTOMER_ID,
    FULLY_PAID,
    HOME,
    JOB_YEARS,
    JOB_YEARS_CHOICES,
    LOAN_ID,
    PLACEHOLDER_AMOUNT,
    PURPOSE,
    SCORE,
    STATUS,
    TERM,
)
from ml.errors import BadData

CHUNK = 20_000
HOMES = {"Home Mortgage": 0.482, "Rent": 0.42, "Own Home": 0.09, "HaveMortgage": 0.004, "Have Mortgage": 0.004}
PURPOSES = {
    "Debt Consolidation": 0.79,
    "Other": 0.06,
    "Home Improvements": 0.055,
    "other": 0.03,
    "Business Loan": 0.015,
    "Buy a Car": 0.013,
    "Medical Bills": 0.011,
    "Buy House": 0.007,
    "Take a Trip": 0.006,
    "major_purchase": 0.005,
    "small_business": 0.003,
    "moving": 0.002,
    "wedding": 0.001,
    "vacation": 0.001,
    "Educational Expenses": 0.001,
    "renewable_energy": 0.0005,
}


@dataclass(frozen=True, slots=True)
class Oddities:
    """How many rows in a hundred have each. Literal words stand for some missing cells; a blank row is all commas."""

    placeholder: float = 0.116
    tenfold: float = 0.053
    unknown_score: float = 0.2
    no_delinquency: float = 0.54
    unknown_job: float = 0.045
    literal: float = 0.3
    blank: float = 0.005
    repeated: float = 0.02
    second_loan: float = 0.03


def write_loans(path: Path, rows: int, seed: int, *, labelled: bool = True, odd: Oddities | None = None) -> int:
    """Write a file and return its number of lines without the header. Raises: BadData."""
    if rows < 1:
        raise BadData(f"--rows must be at least 1, not {rows}")
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [name for name in COLUMNS if labelled or name != STATUS]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        number = 0
        for row in loans(rows, seed, odd or Oddities()):
            writer.writerow(row)
            number += 1
    return number


def loans(rows: int, seed: int, odd: Oddities) -> Iterator[dict[str, Any]]:
    """Give rows of text, blank ones last. The same seed gives the same rows."""
    random = np.random.default_rng(seed)
    blank = int(rows * odd.blank)
    left = rows - blank
    while left:
        number = min(left, CHUNK)
        yield from _chunk(random, number, odd)
        left -= number
    yield from ({} for _ in range(blank))


def _chunk(random: np.random.Generator, number: int, odd: Oddities) -> Iterator[dict[str, Any]]:
    columns = _features(random, number)
    paid = random.random(number) < 1 / (1 + np.exp(-_log_odds(columns)))
    _spoil(random, columns, paid, odd)
    columns[STATUS] = np.where(paid, FULLY_PAID, CHARGED_OFF)
    columns[LOAN_ID], columns[CUSTOMER_ID] = _ids(random, number), _ids(random, number)
    again = np.flatnonzero(random.random(number) < odd.second_loan)
    columns[CUSTOMER_ID][again] = columns[CUSTOMER_ID][np.maximum(again - 1, 0)]
    repeats = np.flatnonzero(paid & (random.random(number) < odd.repeated))
    for place in repeats[repeats > 0]:
        # The loan of the row before, once more: both are fully paid in the published set.
        if paid[place - 1]:
            for column in columns.values():
                column[place] = column[place - 1]
    words = {name: [str(cell) for cell in column] for name, column in columns.items()}
    for cells in zip(*(words[name] for name in COLUMNS), strict=True):
        yield dict(zip(COLUMNS, cells, strict=True))


def _features(random: np.random.Generator, number: int) -> dict[str, Any]:
    """Return columns of objects, so that a cell can become a word."""
    income = np.exp(random.normal(13.95, 0.55, number)).round()
    problems = random.choice([0, 1, 2, 3], number, p=[0.862, 0.118, 0.013, 0.007])
    balance = np.exp(random.normal(12.1, 1.1, number)).round()
    numbers = {
        AMOUNT: np.clip(np.exp(random.normal(12.55, 0.6, number)), 11_000, 790_000).round(),
        SCORE: np.clip(751 - random.gamma(1.9, 16, number), 585, 751).round(),
        "Annual Income": income,
        "Monthly Debt": np.round(income / 12 * np.clip(random.normal(0.17, 0.08, number), 0, 0.6), 2),
        "Years of Credit History": np.clip(random.gamma(6.8, 2.7, number), 4, 60).round(1),
        "Months since last delinquent": np.clip(random.normal(35, 22, number), 0, 120).round(),
        "Number of Open Accounts": np.clip(random.poisson(11, number), 2, 45),
        "Number of Credit Problems": problems,
        "Current Credit Balance": balance,
        "Maximum Open Credit": (balance * (1 + random.gamma(1.6, 0.9, number))).round(),
        "Bankruptcies": np.minimum(problems, random.choice([0, 1, 2], number, p=[0.3, 0.67, 0.03])),
        "Tax Liens": np.where(problems > 0, random.choice([0, 1, 2], number, p=[0.87, 0.09, 0.04]), 0),
    }
    columns: dict[str, Any] = {name: _cells(column) for name, column in numbers.items()}
    columns[TERM] = random.choice(["Short Term", "Long Term"], number, p=[0.74, 0.26]).astype(object)
    jobs = [0.08, 0.07, 0.1, 0.09, 0.065, 0.075, 0.06, 0.055, 0.05, 0.035, 0.32]
    columns[JOB_YEARS] = random.choice(JOB_YEARS_CHOICES, number, p=jobs).astype(object)
    columns[HOME], columns[PURPOSE] = _some(random, HOMES, number), _some(random, PURPOSES, number)
    return columns


def _cells(column: Any) -> Any:
    whole = np.all(column == np.round(column))
    return np.array([int(cell) if whole else float(cell) for cell in column], dtype=object)


def _some(random: np.random.Generator, shares: dict[str, float], number: int) -> Any:
    weights = np.array(list(shares.values()))
    return random.choice(list(shares), number, p=weights / weights.sum()).astype(object)


def _log_odds(columns: dict[str, Any]) -> Any:
    """Return the made-up truth. Who scores well, earns much and borrows little for a short time, pays more often."""
    number = {name: column.astype(float) for name, column in columns.items() if isinstance(column[0], int | float)}
    burden = np.log(number[AMOUNT] / number["Annual Income"])
    return (
        1.15
        + 0.28 * (number[SCORE] - 720) / 20
        - 0.95 * (columns[TERM] == "Long Term")
        - 0.52 * (burden + 1.4)
        + 0.3 * (columns[HOME] == "Home Mortgage")
        - 0.25 * (columns[PURPOSE] == "small_business")
        - 0.18 * (number["Number of Open Accounts"] - 11) / 5
        + 0.10 * (number["Years of Credit History"] - 18) / 7
        - 0.20 * (number["Number of Credit Problems"] > 1)
    )


def _spoil(random: np.random.Generator, columns: dict[str, Any], paid: Any, odd: Oddities) -> None:
    """Put the oddities in; two of them only where the outcome is the one that they give away."""
    number = len(paid)

    def some(share: float) -> Any:
        return random.random(number) < share

    def missing(rows: Any, word: str) -> Any:
        return np.where(random.random(int(rows.sum())) < odd.literal, word, "")

    columns[AMOUNT][paid & some(odd.placeholder / max(paid.mean(), 0.01))] = PLACEHOLDER_AMOUNT
    columns[SCORE][~paid & some(odd.tenfold / max(1 - paid.mean(), 0.01))] *= 10
    unknown = some(odd.unknown_score) & np.array([score < 1000 for score in columns[SCORE]])
    columns[SCORE][unknown], columns["Annual Income"][unknown] = "", ""
    for name, share, word in (
        ("Months since last delinquent", odd.no_delinquency, "NA"),
        (JOB_YEARS, odd.unknown_job, "n/a"),
        ("Bankruptcies", 0.002, "NA"),
    ):
        rows = some(share)
        columns[name][rows] = missing(rows, word)


def _ids(random: np.random.Generator, number: int) -> Any:
    bits = random.bytes(16 * number)
    return np.array([str(UUID(bytes=bits[16 * at : 16 * at + 16], version=4)) for at in range(number)], dtype=object)
