"""The way to one's first place."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from backend.console.pages import Page


class Home(Page):
    """Lead to the first place that is open, or say that there is none."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse(self.places[0].url)) if self.places else self.show("nothing.html")
