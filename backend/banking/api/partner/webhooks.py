"""Webhooks: addresses, their secrets, and how telling them went. For keys, and for the managers of banks."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.partner.access import BANK_OF_KEY, PartnerRequest, partner_of
from backend.banking.api.shapes import bad_request
from backend.banking.models import DeliveryState, DisabledReason, WebhookDelivery, WebhookEndpoint, WebhookKind
from backend.banking.selectors import webhooks as selectors
from backend.banking.selectors.webhooks import Actor
from backend.banking.sending import URL_MAX
from backend.banking.services.webhooks import endpoints
from backend.common import cursors
from backend.common.rendering import RawJson, TextField
from backend.common.shapes import Detail, principal_of
from backend.identity.permissions import api_key

TAG = "webhooks"
REFUSED = OpenApiResponse(description="Field errors.")
ID_MAX = 2**63 - 1


class WebhookView(APIView):
    """A route for a partner's key with the scope `webhooks`, or for somebody signed in who manages the bank.

    With a key in the request nobody is asked to sign in, and a cookie that comes along counts for nothing.
    """

    is_for_keys_too = True

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [] if self._has_key else list(super().get_authenticators())

    def get_permissions(self) -> list[BasePermission]:
        needs = [api_key("webhooks", reads=BANK_OF_KEY)] if self._has_key else [IsAuthenticated]
        return [need() for need in needs]

    @property
    def _has_key(self) -> bool:
        request = getattr(self, "request", None)
        return request is not None and "HTTP_X_API_KEY" in request.META


def actor_of(request: PartnerRequest) -> Actor:
    """Return who asks: the partner, or the person. Raises: KeyWithoutBank."""
    return principal_of(request) or partner_of(request.auth)


class WebhookOut(serializers.ModelSerializer[WebhookEndpoint]):
    is_active = serializers.BooleanField(read_only=True)
    disabled_reason = serializers.ChoiceField(choices=DisabledReason.choices, allow_blank=True, read_only=True)

    class Meta:
        model = WebhookEndpoint
        fields = [
            *("id", "bank", "url", "description", "kinds", "is_active", "disabled_at", "disabled_reason"),
            *("failing_since", "old_secret_until", "created_at"),
        ]
        read_only_fields = fields


class WebhookWithSecretOut(WebhookOut):
    secret = serializers.CharField(read_only=True, help_text="`whsec_…`, shown this once.")

    class Meta(WebhookOut.Meta):
        fields = [*WebhookOut.Meta.fields, "secret"]
        read_only_fields = fields


class Kinds(serializers.ListField):
    child = serializers.ChoiceField(choices=WebhookKind.choices)

    def to_internal_value(self, data: Any) -> list[str]:
        return sorted(set(super().to_internal_value(data)))


class WebhookChangeIn(serializers.Serializer[Any]):
    url = TextField(max_length=URL_MAX, required=False)
    description = TextField(max_length=140, required=False, allow_blank=True)
    kinds = Kinds(required=False, help_text="What it wants to hear; empty is everything.")
    is_active = serializers.BooleanField(required=False)


class NewWebhookIn(serializers.Serializer[Any]):
    url = TextField(max_length=URL_MAX)
    description = TextField(max_length=140, required=False, allow_blank=True)
    kinds = Kinds(required=False, help_text="What it wants to hear; empty is everything.")
    bank = serializers.UUIDField(required=False, help_text="For managers of several banks.")


class ReplayIn(serializers.Serializer[Any]):
    since = serializers.DateTimeField()


class ReplayOut(serializers.Serializer[Any]):
    count = serializers.IntegerField()


class WebhookTrialOut(serializers.Serializer[Any]):
    webhook_id = serializers.CharField()


class DeliveryOut(serializers.ModelSerializer[WebhookDelivery]):
    webhook_id = serializers.SerializerMethodField(help_text="The header `webhook-id`, the same at every try.")
    kind = serializers.CharField(source="message.kind", read_only=True)
    body = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=DeliveryState.choices, read_only=True)

    class Meta:
        model = WebhookDelivery
        fields = [
            *("id", "webhook_id", "kind", "state", "attempts", "due_at", "last_at", "last_status", "last_fault"),
            *("created_at", "body"),
        ]
        read_only_fields = fields

    def get_webhook_id(self, delivery: WebhookDelivery) -> str:
        return selectors.webhook_id(delivery.message_id)

    def get_body(self, delivery: WebhookDelivery) -> dict[str, Any]:
        return RawJson(delivery.message.body)  # type: ignore[return-value]


class Webhooks(WebhookView):
    @extend_schema(
        operation_id="list_webhooks",
        tags=[TAG],
        responses={200: WebhookOut(many=True), 403: Detail},
    )
    def get(self, request: PartnerRequest) -> Response:
        """The webhooks of the key's bank, or of the banks that one manages."""
        return Response(WebhookOut(selectors.endpoints_of(actor_of(request)), many=True).data)

    @extend_schema(
        operation_id="create_webhook",
        tags=[TAG],
        request=NewWebhookIn,
        responses={201: WebhookWithSecretOut, 400: REFUSED, 403: Detail, 409: Detail},
    )
    def post(self, request: PartnerRequest) -> Response:
        """Have loans and payments told to an address, as Standard Webhooks has it. The secret is shown this once.

        The address is https, and leads into no private network.
        """
        given = NewWebhookIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = dict(given.validated_data)
        with bad_request():
            endpoint, secret = endpoints.create_endpoint(
                actor=actor_of(request), bank_id=asked.pop("bank", None), **asked
            )
        return _with_secret(endpoint, secret, status.HTTP_201_CREATED)


class OneWebhook(WebhookView):
    @extend_schema(operation_id="get_webhook", tags=[TAG], responses={200: WebhookOut, 403: Detail, 404: Detail})
    def get(self, request: PartnerRequest, webhook_id: uuid.UUID) -> Response:
        """One webhook."""
        return Response(WebhookOut(selectors.get_endpoint(actor_of(request), webhook_id)).data)

    @extend_schema(
        operation_id="change_webhook",
        tags=[TAG],
        request=WebhookChangeIn,
        responses={200: WebhookOut, 400: REFUSED, 403: Detail, 404: Detail},
    )
    def patch(self, request: PartnerRequest, webhook_id: uuid.UUID) -> Response:
        """Change it, or switch it off and on (`is_active`). What was on its way when it went off can be replayed."""
        given = WebhookChangeIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        with bad_request():
            endpoint = endpoints.change_endpoint(
                actor=actor_of(request), endpoint_id=webhook_id, changes=given.validated_data
            )
        return Response(WebhookOut(endpoint).data)

    @extend_schema(operation_id="delete_webhook", tags=[TAG], responses={204: None, 403: Detail, 404: Detail})
    def delete(self, request: PartnerRequest, webhook_id: uuid.UUID) -> Response:
        """Forget it, and how telling it went."""
        endpoints.delete_endpoint(actor=actor_of(request), endpoint_id=webhook_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class WebhookSecret(WebhookView):
    @extend_schema(
        operation_id="rotate_webhook_secret",
        tags=[TAG],
        request=None,
        responses={200: WebhookWithSecretOut, 403: Detail, 404: Detail},
    )
    def post(self, request: PartnerRequest, webhook_id: uuid.UUID) -> Response:
        """Get a new secret, shown this once. For 24 hours messages are signed by the old one, too."""
        endpoint, secret = endpoints.rotate_secret(actor=actor_of(request), endpoint_id=webhook_id)
        return _with_secret(endpoint, secret, status.HTTP_200_OK)


class WebhookTrial(WebhookView):
    @extend_schema(
        operation_id="try_webhook",
        tags=[TAG],
        request=None,
        responses={202: WebhookTrialOut, 403: Detail, 404: Detail, 409: Detail},
    )
    def post(self, request: PartnerRequest, webhook_id: uuid.UUID) -> Response:
        """Have a message of the kind `webhook.test` sent."""
        message_id = endpoints.try_out(actor=actor_of(request), endpoint_id=webhook_id)
        return Response({"webhook_id": selectors.webhook_id(message_id)}, status=status.HTTP_202_ACCEPTED)


class WebhookReplay(WebhookView):
    @extend_schema(
        operation_id="replay_webhook",
        tags=[TAG],
        request=ReplayIn,
        responses={202: ReplayOut, 400: REFUSED, 403: Detail, 404: Detail, 409: Detail},
    )
    def post(self, request: PartnerRequest, webhook_id: uuid.UUID) -> Response:
        """Have everything sent again that has not arrived since a moment."""
        given = ReplayIn(data=request.data)
        given.is_valid(raise_exception=True)
        count = endpoints.replay_since(actor=actor_of(request), endpoint_id=webhook_id, **given.validated_data)
        return Response({"count": count}, status=status.HTTP_202_ACCEPTED)


class Deliveries(WebhookView):
    @extend_schema(
        operation_id="list_webhook_deliveries",
        tags=[TAG],
        parameters=[
            OpenApiParameter("cursor", str, description=cursors.CURSOR_HELP),
            OpenApiParameter("page_size", int, description="1 to 100; default 20."),
            OpenApiParameter("state", str, enum=DeliveryState.values),
        ],
        responses={
            200: cursors.page_schema("WebhookDeliveryPage", DeliveryOut),
            400: REFUSED,
            403: Detail,
            404: Detail,
        },
    )
    def get(self, request: PartnerRequest, webhook_id: uuid.UUID) -> Response:
        """What was told, or is to be, and how it went; the newest first, kept for 30 days."""
        endpoint = selectors.get_endpoint(actor_of(request), webhook_id)
        state = request.query_params.get("state") or None
        if state is not None and state not in DeliveryState.values:
            raise ValidationError({"state": [f"One of {', '.join(DeliveryState.values)}."]})
        page = cursors.page_of(
            request,
            lambda after, limit: selectors.deliveries_of(endpoint, state=state, after=after, limit=limit),
            lambda delivery: delivery.pk,
        )
        return Response({**page, "results": DeliveryOut(page["results"], many=True).data})


class ReplayedDelivery(WebhookView):
    @extend_schema(
        operation_id="replay_webhook_delivery",
        tags=[TAG],
        request=None,
        responses={202: DeliveryOut, 403: Detail, 404: Detail, 409: Detail},
    )
    def post(self, request: PartnerRequest, webhook_id: uuid.UUID, delivery_id: int) -> Response:
        """Have one message sent again, under the id that it had."""
        delivery = endpoints.replay(
            actor=actor_of(request), endpoint_id=webhook_id, delivery_id=min(delivery_id, ID_MAX)
        )
        return Response(DeliveryOut(delivery).data, status=status.HTTP_202_ACCEPTED)


def _with_secret(endpoint: WebhookEndpoint, secret: str, code: int) -> Response:
    answer = Response({**WebhookOut(endpoint).data, "secret": secret}, status=code)
    answer["Cache-Control"] = "no-store"
    return answer
