"""Rows for tests, made up."""

import csv

from ml.columns import COLUMNS, FEATURES

ORDINARY = {
    "Current Loan Amount": "312000",
    "Term": "Short Term",
    "Credit Score": "738",
    "Annual Income": "1250000",
    "Years in current job": "4 years",
    "Home Ownership": "Home Mortgage",
    "Purpose": "Debt Consolidation",
    "Monthly Debt": "16100.5",
    "Years of Credit History": "17.4",
    "Months since last delinquent": "",
    "Number of Open Accounts": "10",
    "Number of Credit Problems": "0",
    "Current Credit Balance": "210000",
    "Maximum Open Credit": "470000",
    "Bankruptcies": "0",
    "Tax Liens": "0",
}


def loan(number=1, status="Fully Paid", **changed):
    """Return a row of a file; features by their name with spaces as underscores."""
    named = {name.replace("_", " "): value for name, value in changed.items()}
    assert set(named) <= set(FEATURES) | {"Loan ID", "Customer ID"}, named
    return {"Loan ID": f"loan-{number}", "Customer ID": f"person-{number}", "Loan Status": status, **ORDINARY, **named}


def write_rows(path, rows, columns=COLUMNS):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path
