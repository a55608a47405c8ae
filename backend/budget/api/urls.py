from django.urls import path

from backend.budget.api import budgets, categories, entries, imports, summaries

urlpatterns = [
    path("api/management/expense/", entries.Expenses.as_view()),
    path("api/management/expense/deleted/", entries.DeletedExpenses.as_view()),
    path("api/management/expense/<uuid:expense_id>/", entries.OneExpense.as_view()),
    path("api/management/expense/<uuid:expense_id>/restore/", entries.RestoreExpense.as_view()),
    path("api/management/income/", entries.Incomes.as_view()),
    path("api/management/income/deleted/", entries.DeletedIncomes.as_view()),
    path("api/management/income/<uuid:income_id>/", entries.OneIncome.as_view()),
    path("api/management/income/<uuid:income_id>/restore/", entries.RestoreIncome.as_view()),
    path("api/management/category/", categories.Categories.as_view()),
    path("api/management/category/<uuid:category_id>/", categories.OneCategory.as_view()),
    path("api/management/subcategory/", categories.SubCategories.as_view()),
    path("api/management/subcategory/<uuid:subcategory_id>/", categories.OneSubCategory.as_view()),
    path("api/management/budget/", budgets.Budgets.as_view()),
    path("api/management/budget/<uuid:budget_id>/", budgets.OneBudget.as_view()),
    path("api/management/summary/", summaries.SummaryView.as_view()),
    path("api/management/summary/chart.svg", summaries.ChartView.as_view()),
    path("api/management/import/", imports.Imports.as_view()),
    path("api/management/import/<uuid:import_id>/", imports.OneImport.as_view()),
    path("api/management/import/<uuid:import_id>/lines/", imports.ImportLines.as_view()),
    path("api/management/import/<uuid:import_id>/commit/", imports.CommitImport.as_view()),
    path("api/management/export.csv", imports.Export.as_view()),
]
