"""The picture of an item: sent as a form, fetched with an ETag."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.catalog import selectors
from backend.catalog.services import images
from backend.common import uploads, vault
from backend.common.content import ContentRefused
from backend.common.shapes import Detail, SignedRequest
from backend.identity import limits

MB = 1024 * 1024


class ItemImage(APIView):
    parser_classes = (MultiPartParser,)  # for the schema: the form is read by `uploads`, not by `request.data`

    class ImageIn(serializers.Serializer[Any]):
        file = serializers.FileField(help_text=f"A PNG, JPEG or WebP of at most {images.SIZE_MAX // MB} MB.")

    class ImageOut(serializers.Serializer[Any]):
        image = serializers.CharField(help_text="The path that it is fetched from.")
        content_type = serializers.CharField()
        size = serializers.IntegerField()
        width = serializers.IntegerField()
        height = serializers.IntegerField()

    @extend_schema(
        operation_id="set_item_image",
        tags=["catalog"],
        description="For one's own tests, and for staff for what is the house's. It replaces the one there is.",
        request={"multipart/form-data": ImageIn},
        responses={
            201: ImageOut,
            400: OpenApiResponse(description="Not a whole form, or no picture of these kinds, by its content."),
            403: Detail,
            404: Detail,
            413: OpenApiResponse(Detail, description="The file is too large."),
            415: Detail,
            503: OpenApiResponse(Detail, description="Too many uploads at once, or the storage is away."),
        },
    )
    def post(self, request: SignedRequest, item_id: int) -> Response:
        limits.share_for_person("upload", request.user.id)
        images.require_editable(actor=request.user, item_id=item_id)
        with uploads.receive(request, kind=images.KIND, size_max=images.SIZE_MAX) as upload:
            try:
                image = images.set_image(actor=request.user, item_id=item_id, name=upload.name, file=upload.file)
            except ContentRefused as fault:
                raise ValidationError({"file": [fault.detail]}) from None
        facts = {"content_type": image.content_type, "size": image.file.size}
        shown = {"image": request.path, **facts, "width": image.width, "height": image.height}
        return Response(shown, status=status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="get_item_image",
        tags=["catalog"],
        responses={
            (200, "image/*"): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="It is still the one whose ETag `If-None-Match` names."),
            404: Detail,
        },
    )
    def get(self, request: SignedRequest, item_id: int) -> HttpResponseBase:
        image = selectors.get_image(actor=request.user, item_id=item_id)
        etag = f'"{image.file.sha256[:32]}"'
        headers = {
            "ETag": etag,
            "Cache-Control": "private, no-cache",  # It may be kept, and is asked for again each time.
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
        if etag in request.headers.get("If-None-Match", ""):
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        return StreamingHttpResponse(
            vault.portions(image.file),
            content_type=image.content_type,
            headers={**headers, "Content-Length": str(image.file.size)},
        )

    @extend_schema(operation_id="delete_item_image", tags=["catalog"], responses={204: None, 403: Detail, 404: Detail})
    def delete(self, request: SignedRequest, item_id: int) -> Response:
        images.delete_image(actor=request.user, item_id=item_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
