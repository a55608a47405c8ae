"""One view that does nothing."""

from django.http import HttpRequest, HttpResponse
from django.urls import path


def noop(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [path("noop/", noop)]
