"""Renewing a session's tokens, for every door: `POST /api/auth/refresh/` (S2-R3)."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import TextField
from backend.common.shapes import Detail, Public
from backend.identity.services import sessions


class Refresh(APIView):
    """Exchange a refresh token for a new pair. The old one is spent; a race within 30 s gets the same successor."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    class RefreshIn(serializers.Serializer[Any]):
        refresh = TextField(max_length=4096)

    class RefreshOut(serializers.Serializer[Any]):
        access = serializers.CharField()
        refresh = serializers.CharField()

    @extend_schema(
        operation_id="refresh_tokens",
        tags=["identity"],
        request=RefreshIn,
        responses={200: RefreshOut, 401: OpenApiResponse(Detail, description="Spent, expired, forged or revoked.")},
    )
    def post(self, request: Request) -> Response:
        given = self.RefreshIn(data=request.data)
        given.is_valid(raise_exception=True)
        pair = sessions.refresh_session(refresh_token=given.validated_data["refresh"])
        return Response({"access": pair.access, "refresh": pair.refresh})
