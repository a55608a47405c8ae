"""Views that do nothing but what is measured: letting anybody in, letting the signed-in in, one password hash."""

from django.contrib.auth.hashers import check_password, make_password
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.shapes import Public
from djangocrud.urls import urlpatterns as product

WORDS = "quiet purple tractor"
_stored: list[str] = []


class Signed(APIView):
    def get(self, request: Request) -> Response:
        return Response("ok")


class SignedUnlimited(Signed):
    throttle_classes = []


class Anybody(Signed):
    authentication_classes = Public
    permission_classes = [AllowAny]


class AnybodyUnlimited(Anybody):
    throttle_classes = []


class Hash(APIView):
    """What no sign-in can do without."""

    authentication_classes = Public
    permission_classes = [AllowAny]
    throttle_classes = []

    def post(self, request: Request) -> Response:
        if not _stored:
            _stored.append(make_password(WORDS))
        return Response(check_password(request.data["password"], _stored[0]))


urlpatterns = [
    *product,
    path("bench/signed/", Signed.as_view()),
    path("bench/signed-unlimited/", SignedUnlimited.as_view()),
    path("bench/anybody/", Anybody.as_view()),
    path("bench/anybody-unlimited/", AnybodyUnlimited.as_view()),
    path("bench/hash/", Hash.as_view()),
]
