"""The routes of the loan model, on S0's path."""

from django.urls import path

from backend.banking.api.scoring import portfolios, predictions

_RUN = "api/loan/score-portfolio/<uuid:scoring_run_id>/"

urlpatterns = [
    path("api/loan/predict/", predictions.Predict.as_view()),
    path("api/loan/score-portfolio/", portfolios.ScorePortfolio.as_view()),
    path(_RUN, portfolios.OneRun.as_view()),
    path(f"{_RUN}scores/", portfolios.RunScores.as_view()),
]
