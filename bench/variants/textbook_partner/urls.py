from django.urls import path

from bench.variants.textbook_partner.views import Payments
from djangocrud.urls import urlpatterns as product

urlpatterns = [*product, path("textbook/payments/", Payments.as_view())]
