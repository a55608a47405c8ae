"""The way to one's first place."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from backend.console.pages import Page
from backend.console.places import places_of


class Home(Page):
    """Lead to the first place that is open, or say that there is none."""

    def get(self, request: HttpRequest) -> HttpResponse:
        places = places_of(self.principal)
        return HttpResponseRedirect(reverse(places[0].url)) if places else self.show("nothing.html")
