"""Requests of the loan model as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.banking.examples.manager import MANAGES_NONE, NOBODY
from backend.common.examples import Example

_LOAN = {"account": NOBODY, "current_loan_amount": "12000.00", "term": "Short Term", "purpose": "Home Improvements"}

EXAMPLES = {
    "POST /api/loan/predict/": Example({**_LOAN, "reasons": True}, 403, about=MANAGES_NONE),
    "POST /api/loan/score-portfolio/": Example({"ended_too": True}, 403, about=MANAGES_NONE),
}
