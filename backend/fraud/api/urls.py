from django.urls import path

from backend.fraud.api import alerts, rules

urlpatterns = [
    path("api/fraud-alerts/", alerts.Alerts.as_view()),
    path("api/fraud-alerts/<slug:alert_id>/", alerts.OneAlert.as_view()),
    path("api/fraud-alerts/<slug:alert_id>/claim/", alerts.ClaimAlert.as_view()),
    path("api/fraud-alerts/<slug:alert_id>/decide/", alerts.DecideAlert.as_view()),
    path("api/fraud-alerts/<slug:alert_id>/label/", alerts.LabelAlert.as_view()),
    path("api/fraud-alerts/<slug:alert_id>/notes/", alerts.AlertNotes.as_view()),
    path("api/fraud/rules/", rules.RuleSets.as_view()),
    path("api/fraud/rules/<int:rules_version>/", rules.OneRuleSet.as_view()),
    path("api/fraud/rules/<int:rules_version>/publish/", rules.PublishRules.as_view()),
    path("api/fraud/rules/<int:rules_version>/retire/", rules.RetireRules.as_view()),
    path("api/fraud/rules/<int:rules_version>/dry-runs/", rules.StartDryRun.as_view()),
    path("api/fraud/dry-runs/<uuid:dry_run_id>/", rules.OneDryRun.as_view()),
    path("api/fraud/snoozes/", rules.RuleSnoozes.as_view()),
    path("api/fraud/snoozes/<uuid:snooze_id>/", rules.OneRuleSnooze.as_view()),
]
