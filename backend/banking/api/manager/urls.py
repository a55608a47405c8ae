"""The routes of the manager door, on S0's paths."""

from django.urls import path

from backend.banking.api.manager import accounts, banks, books, corrections, customers, loans, portfolio

_BANK = "api/bank/<uuid:bank_id>/"
_CUSTOMER = "api/customer/<uuid:bank_customer_id>/"
_ACCOUNT = "api/account/<uuid:bank_account_id>/"
_LOAN = "api/loan/<uuid:bank_loan_id>/"

urlpatterns = [
    path("api/register/bank/", banks.RegisterBank.as_view()),
    path("api/regiser/bank/", banks.MisspelledRegisterBank.as_view()),
    path("api/register/customer/", customers.RegisterCustomer.as_view()),
    path("api/register/account/", accounts.RegisterAccount.as_view()),
    path("api/register/loan/", loans.RegisterLoan.as_view()),
    path("api/bank/", banks.Banks.as_view()),
    path(_BANK, banks.OneBank.as_view()),
    path(f"{_BANK}managers/", banks.Managers.as_view()),
    path(f"{_BANK}managers/<int:user_id>/", banks.OneManager.as_view()),
    path(f"{_BANK}trial-balance/", books.TrialBalances.as_view()),
    path(f"{_BANK}portfolio/", portfolio.PortfolioView.as_view()),
    path(f"{_BANK}portfolio/chart.svg", portfolio.PortfolioChart.as_view()),
    path("api/customer/", customers.Customers.as_view()),
    path(_CUSTOMER, customers.OneCustomer.as_view()),
    path(f"{_CUSTOMER}person/", customers.CustomerPerson.as_view()),
    path("api/account/", accounts.Accounts.as_view()),
    path(_ACCOUNT, accounts.OneAccount.as_view()),
    path(f"{_ACCOUNT}ledger/", books.AccountLedger.as_view()),
    path(f"{_ACCOUNT}payments/", corrections.LoanPayments.as_view()),
    path("api/postings/<int:posting_id>/reversal/", corrections.Reversal.as_view()),
    path("api/loan/", loans.Loans.as_view()),
    path(_LOAN, loans.OneLoan.as_view()),
    path(f"{_LOAN}activate/", loans.ActivateLoan.as_view()),
    path(f"{_LOAN}reject/", loans.RejectLoan.as_view()),
    path(f"{_LOAN}charge-off/", loans.ChargeOffLoan.as_view()),
]
