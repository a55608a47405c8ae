"""The routes of lending."""

from django.urls import path

from backend.banking.api.lending import desk, people

_PEOPLE = "api/lending/"
_DESK = "api/lending/desk/"

urlpatterns = [
    path(f"{_PEOPLE}products/", people.Products.as_view()),
    path(f"{_PEOPLE}products/<uuid:product_id>/quote/", people.Quote.as_view()),
    path(f"{_PEOPLE}applications/", people.Applications.as_view()),
    path(f"{_PEOPLE}applications/<uuid:application_id>/", people.OneApplication.as_view()),
    path(f"{_PEOPLE}applications/<uuid:application_id>/withdraw/", people.WithdrawApplication.as_view()),
    path(f"{_PEOPLE}loans/", people.Loans.as_view()),
    path(f"{_PEOPLE}loans/<uuid:lending_loan_id>/", people.OneLoan.as_view()),
    path(f"{_PEOPLE}loans/<uuid:lending_loan_id>/payoff/", people.LoanPayoff.as_view()),
    path(f"{_PEOPLE}loans/<uuid:lending_loan_id>/repayments/", people.Repayments.as_view()),
    path(f"{_DESK}applications/", desk.DeskApplications.as_view()),
    path(f"{_DESK}applications/<uuid:desk_application_id>/", desk.OneDeskApplication.as_view()),
    path(f"{_DESK}applications/<uuid:desk_application_id>/approve/", desk.ApproveApplication.as_view()),
    path(f"{_DESK}applications/<uuid:desk_application_id>/reject/", desk.RejectApplication.as_view()),
    path(f"{_DESK}loans/", desk.DeskLoans.as_view()),
    path(f"{_DESK}loans/<uuid:desk_loan_id>/", desk.OneDeskLoan.as_view()),
    path(f"{_DESK}loans/<uuid:desk_loan_id>/charge-off/", desk.ChargeOffLoan.as_view()),
    path(f"{_DESK}products/", desk.DeskProducts.as_view()),
    path(f"{_DESK}products/<uuid:desk_product_id>/", desk.OneDeskProduct.as_view()),
]
