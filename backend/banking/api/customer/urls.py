"""The customer door: `/api/banks|accounts|transfers|statements/` (design.md section 5)."""

from django.urls import path

from backend.banking.api.customer import accounts, desk, schedules, statements, transfers

ACCOUNT = "api/accounts/<uuid:account_id>/"
SCHEDULE = "api/transfers/scheduled/<uuid:schedule_id>/"

urlpatterns = [
    path("api/banks/", accounts.Banks.as_view()),
    path("api/banks/<uuid:bank_id>/limits/", desk.BankLimits.as_view()),
    path("api/accounts/", accounts.OwnAccounts.as_view()),
    path(ACCOUNT, accounts.OwnAccount.as_view()),
    path(f"{ACCOUNT}entries/", accounts.OwnEntries.as_view()),
    path(f"{ACCOUNT}close/", accounts.CloseAccount.as_view()),
    path(f"{ACCOUNT}deposits/", desk.Deposits.as_view()),
    path(f"{ACCOUNT}withdrawals/", desk.Withdrawals.as_view()),
    path(f"{ACCOUNT}freeze/", desk.FreezeAccount.as_view()),
    path(f"{ACCOUNT}unfreeze/", desk.UnfreezeAccount.as_view()),
    path("api/transfers/", transfers.Transfers.as_view()),
    path("api/transfers/payee/", transfers.PayeeCheck.as_view()),
    path("api/transfers/scheduled/", schedules.Schedules.as_view()),
    path(SCHEDULE, schedules.OneSchedule.as_view()),
    path(f"{SCHEDULE}skip/", schedules.SkipNext.as_view()),
    path("api/transfers/<uuid:transfer_id>/", transfers.OneTransfer.as_view()),
    path("api/statements/", statements.Statements.as_view()),
    path("api/statements/<uuid:account_id>/<str:month>/", statements.OneStatement.as_view()),
]
