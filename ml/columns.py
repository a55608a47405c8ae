"""The 19 columns of a loan file, and the 16 of them that a prediction may know (S0-B9)."""

from pathlib import Path

LOAN_ID, CUSTOMER_ID, STATUS = "Loan ID", "Customer ID", "Loan Status"
AMOUNT, SCORE = "Current Loan Amount", "Credit Score"
TERM, JOB_YEARS, HOME, PURPOSE = "Term", "Years in current job", "Home Ownership", "Purpose"

FEATURES = (
    AMOUNT,
    TERM,
    SCORE,
    "Annual Income",
    JOB_YEARS,
    HOME,
    PURPOSE,
    "Monthly Debt",
    "Years of Credit History",
    "Months since last delinquent",
    "Number of Open Accounts",
    "Number of Credit Problems",
    "Current Credit Balance",
    "Maximum Open Credit",
    "Bankruptcies",
    "Tax Liens",
)
CATEGORICAL = (TERM, HOME, PURPOSE)
# Job years are words with an order, and become a number.
NUMERIC = tuple(name for name in FEATURES if name not in CATEGORICAL)
COLUMNS = (LOAN_ID, CUSTOMER_ID, STATUS, *FEATURES)

# S0-B11: class 0 and class 1.
CHARGED_OFF, FULLY_PAID = "Charged Off", "Fully Paid"
LABELS = (CHARGED_OFF, FULLY_PAID)

JOB_YEARS_CHOICES = ("< 1 year", "1 year", *(f"{years} years" for years in range(2, 10)), "10+ years")
# The placeholder for an amount that was not recorded, and the most that a credit score can be.
PLACEHOLDER_AMOUNT = 99_999_999
SCORE_MAX = 850

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "none", "null"})

SHIPPED = Path(__file__).resolve().parent / "loan_status.model"


def plain(text: str) -> str:
    """Return a category as it is compared: `Have Mortgage`, `HaveMortgage` and `have_mortgage` are one."""
    words = "".join(text.replace("_", " ").split()).casefold()
    return "" if words in MISSING_WORDS else words
