from django.urls import path

from bench.variants.textbook_rest.views import Expenses
from djangocrud.urls import urlpatterns as product

urlpatterns = [*product, path("textbook/expense/", Expenses.as_view())]
