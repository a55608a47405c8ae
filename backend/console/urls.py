"""The console's addresses. Each view says in `place` to whom it is open."""

from django.urls import include, path

from backend.console.views import audit, banking, demo, entry, fraud, home, inbox, kyc, lending, team

console = [
    path("", home.Home.as_view(), name="home"),
    path("sign-in/", entry.SignIn.as_view(), name="sign_in"),
    path("sign-out/", entry.SignOut.as_view(), name="sign_out"),
    path("second-factor/", entry.SecondFactor.as_view(), name="second_factor"),
    path("inbox/", inbox.Inbox.as_view(), name="inbox"),
    path("inbox/list/", inbox.ChatList.as_view(), name="chat_list"),
    path("inbox/<uuid:chat_id>/", inbox.Inbox.as_view(), name="chat"),
    path("inbox/<uuid:chat_id>/card/", inbox.Card.as_view(), name="card"),
    path("kyc/", kyc.Cases.as_view(), name="kyc"),
    path("kyc/list/", kyc.CaseList.as_view(), name="kyc_list"),
    path("kyc/<int:person_id>/", kyc.OneCase.as_view(), name="kyc_case"),
    path("kyc/<int:person_id>/lock/", kyc.Lock.as_view(), name="kyc_lock"),
    path("fraud/", fraud.Alerts.as_view(), name="fraud"),
    path("fraud/list/", fraud.AlertList.as_view(), name="fraud_list"),
    path("fraud/rules/", fraud.Rules.as_view(), name="fraud_rules"),
    path("fraud/rules/<int:version>/", fraud.OneRuleSet.as_view(), name="fraud_rule_set"),
    path("fraud/<str:alert_id>/", fraud.OneAlert.as_view(), name="fraud_alert"),
    path("fraud/<str:alert_id>/state/", fraud.State.as_view(), name="fraud_state"),
    path("lending/", lending.Applications.as_view(), name="lending"),
    path("lending/list/", lending.ApplicationList.as_view(), name="lending_list"),
    path("lending/<uuid:application_id>/", lending.OneApplication.as_view(), name="lending_application"),
    path("lending/<uuid:application_id>/state/", lending.ApplicationState.as_view(), name="lending_state"),
    path("lending/loans/<uuid:loan_id>/", lending.OneLoan.as_view(), name="lending_loan"),
    path("audit/", audit.Trail.as_view(), name="audit"),
    path("audit/verify/", audit.Verify.as_view(), name="audit_verify"),
    path("audit/<uuid:log_id>/", audit.OneRow.as_view(), name="audit_row"),
    path("banking/", banking.Banking.as_view(), name="banking"),
    path("banking/<uuid:bank_id>/", banking.Banking.as_view(), name="bank"),
    path("banking/<uuid:bank_id>/accounts/", banking.Accounts.as_view(), name="bank_accounts"),
    path("banking/accounts/<uuid:account_id>/", banking.OneAccount.as_view(), name="bank_account"),
    path("banking/accounts/<uuid:account_id>/statement/", banking.OneStatement.as_view(), name="bank_statement"),
    path(
        "banking/accounts/<uuid:account_id>/statement/<str:month>.<str:form>",
        banking.StatementFile.as_view(),
        name="bank_statement_file",
    ),
    path("team/", team.Team.as_view(), name="team"),
]

urlpatterns = [
    path("console/", include((console, "console"))),
    path("demo/", demo.Demo.as_view(), name="demo"),
]
