"""`/api/kyc/profile/`: the banking profile of people who came by the other doors."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.shapes import Detail, SignedRequest
from backend.kyc.api.fields import KycProfileIn, person_of
from backend.kyc.services import profiles


class KycProfileOut(serializers.Serializer[Any]):
    phone_number = serializers.CharField()
    date_of_birth = serializers.DateField()
    ssn = serializers.CharField(help_text="All but the last four digits hidden.", allow_null=True)
    address = serializers.CharField(allow_null=True)
    kyc_status = serializers.CharField()
    documents_required = serializers.BooleanField(help_text="Whether documents are still to be sent.")
    resubmit = serializers.ListField(
        child=serializers.CharField(), help_text="Fields that could not be read any more; send the profile again."
    )
    updated_at = serializers.DateTimeField()


class KycProfile(APIView):
    @extend_schema(operation_id="get_kyc_profile", tags=["kyc"], responses={200: KycProfileOut, 404: Detail})
    def get(self, request: SignedRequest) -> Response:
        return Response(KycProfileOut(profiles.read_profile(actor=request.user)).data)

    @extend_schema(
        operation_id="save_kyc_profile",
        tags=["kyc"],
        request=KycProfileIn,
        responses={200: KycProfileOut, 409: Detail, 422: Detail},
    )
    def put(self, request: SignedRequest) -> Response:
        given = KycProfileIn(data=request.data)
        given.is_valid(raise_exception=True)
        profiles.save_profile(actor=request.user, person=person_of(given.validated_data))
        return Response(KycProfileOut(profiles.read_profile(actor=request.user)).data)
