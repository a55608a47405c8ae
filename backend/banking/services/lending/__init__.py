"""Loans for people, from what a bank offers to what it gives up. Everything about a loan happens under its account's
lock; the loan itself moves by `services/loans.py`, money by the ledger."""
