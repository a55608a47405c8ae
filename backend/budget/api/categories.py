"""Categories and subcategories: `/api/management/category/` and `/api/management/subcategory/` (S1-R18 to S1-R25)."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.budget.api.shapes import bad_request, uuid_of
from backend.budget.models import Category, Kind, SubCategory
from backend.budget.selectors import categories as reading
from backend.budget.services import categories
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest

LIST_MAX = 5000  # of reference data that a few members of staff look after
REFUSED = OpenApiResponse(description="Field errors.")
IN_USE = OpenApiResponse(Detail, description="In use: `detail` says by what, further fields count it.")


class Color(serializers.RegexField):
    """`#RGB` or `#RRGGBB` (BUG-S1-16)."""

    def __init__(self, **kwargs: Any) -> None:
        message: dict[str, Any] = {"invalid": "Write it as #RRGGBB."}
        super().__init__(r"^#([0-9a-fA-F]{3}){1,2}\Z", max_length=7, error_messages=message, **kwargs)


class KindField(serializers.ChoiceField):
    """`income` or `expense`, in any case."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=Kind.choices, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return str(super().to_internal_value(data.lower() if isinstance(data, str) else data))


class CategoryIn(serializers.Serializer[Any]):
    name = TextField(max_length=100)
    description = TextField(max_length=100, allow_blank=True)
    type = KindField()
    hexColor = Color(source="hex_color")


class SubCategoryIn(serializers.Serializer[Any]):
    name = TextField(max_length=100)
    description = TextField(max_length=100, allow_blank=True)
    hexColor = Color(source="hex_color")
    category = serializers.UUIDField(source="category_id")


class CategoryOut(serializers.ModelSerializer[Category]):
    hexColor = serializers.CharField(source="hex_color")

    class Meta:
        model = Category
        fields = ["id", "name", "description", "type", "hexColor"]
        read_only_fields = fields


class SubCategoryOut(serializers.ModelSerializer[SubCategory]):
    hexColor = serializers.CharField(source="hex_color")

    class Meta:
        model = SubCategory
        fields = ["id", "name", "description", "hexColor", "category"]
        read_only_fields = fields


class Categories(APIView):
    @extend_schema(
        operation_id="list_categories",
        tags=["budget"],
        parameters=[OpenApiParameter("type", str, enum=Kind.values, description="Also written Type.")],
        responses={200: CategoryOut(many=True), 400: REFUSED},
    )
    def get(self, request: SignedRequest) -> Response:
        """All categories (S1-R18)."""
        wanted = (request.query_params.get("type") or request.query_params.get("Type") or "").lower()
        if wanted and wanted not in Kind.values:
            raise ValidationError({"type": [f"One of {', '.join(Kind.values)}."]})
        found = reading.list_categories(kind=wanted or None)[:LIST_MAX]
        return Response(CategoryOut(found, many=True).data)

    @extend_schema(
        operation_id="add_category",
        tags=["budget"],
        request=CategoryIn,
        responses={202: CategoryOut, 400: REFUSED, 403: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        """Add a category: staff only (S1-R19)."""
        categories.require_staff(request.user)
        given = CategoryIn(data=request.data)
        given.is_valid(raise_exception=True)
        category = categories.add_category(actor=request.user, **given.validated_data)
        return Response(CategoryOut(category).data, status=status.HTTP_202_ACCEPTED)


class OneCategory(APIView):
    @extend_schema(operation_id="get_category", tags=["budget"], responses={200: CategoryOut, 404: Detail})
    def get(self, request: SignedRequest, category_id: uuid.UUID) -> Response:
        """One category (S1-R20); 200, as all reading is (BUG-S1-17)."""
        return Response(CategoryOut(reading.get_category(category_id=category_id)).data)

    @extend_schema(
        operation_id="change_category",
        tags=["budget"],
        request=CategoryIn(partial=True),
        responses={202: CategoryOut, 400: IN_USE, 403: Detail, 404: Detail},
    )
    def put(self, request: SignedRequest, category_id: uuid.UUID) -> Response:
        """Change some fields: staff only (S1-R21). The type of one with entries stays."""
        categories.require_staff(request.user)
        given = CategoryIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        with bad_request():
            category = categories.change_category(
                actor=request.user, category_id=category_id, changes=given.validated_data
            )
        return Response(CategoryOut(category).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        operation_id="delete_category", tags=["budget"], responses={204: None, 400: IN_USE, 403: Detail, 404: Detail}
    )
    def delete(self, request: SignedRequest, category_id: uuid.UUID) -> Response:
        """Delete a category that nothing refers to: staff only (S1-R22)."""
        with bad_request():
            categories.delete_category(actor=request.user, category_id=category_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SubCategories(APIView):
    @extend_schema(
        operation_id="list_subcategories",
        tags=["budget"],
        parameters=[OpenApiParameter("category_id", str, description="Those of one category only.")],
        responses={200: SubCategoryOut(many=True), 400: REFUSED},
    )
    def get(self, request: SignedRequest) -> Response:
        """All subcategories, or those of a category (S1-R23)."""
        category_id = uuid_of("category_id", request.query_params.get("category_id"))
        found = reading.list_subcategories(category_id=category_id)[:LIST_MAX]
        return Response(SubCategoryOut(found, many=True).data)

    @extend_schema(
        operation_id="add_subcategory",
        tags=["budget"],
        request=SubCategoryIn,
        responses={202: SubCategoryOut, 400: REFUSED, 403: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        """Add a subcategory: staff only (S1-R24)."""
        categories.require_staff(request.user)
        given = SubCategoryIn(data=request.data)
        given.is_valid(raise_exception=True)
        with bad_request():
            subcategory = categories.add_subcategory(actor=request.user, **given.validated_data)
        return Response(SubCategoryOut(subcategory).data, status=status.HTTP_202_ACCEPTED)


class OneSubCategory(APIView):
    @extend_schema(operation_id="get_subcategory", tags=["budget"], responses={200: SubCategoryOut, 404: Detail})
    def get(self, request: SignedRequest, subcategory_id: uuid.UUID) -> Response:
        """One subcategory (S1-R25)."""
        return Response(SubCategoryOut(reading.get_subcategory(subcategory_id=subcategory_id)).data)

    @extend_schema(
        operation_id="change_subcategory",
        tags=["budget"],
        request=SubCategoryIn(partial=True),
        responses={202: SubCategoryOut, 400: IN_USE, 403: Detail, 404: Detail},
    )
    def put(self, request: SignedRequest, subcategory_id: uuid.UUID) -> Response:
        """Change some fields: staff only (S1-R25). One with expenses stays under its category."""
        categories.require_staff(request.user)
        given = SubCategoryIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        with bad_request():
            subcategory = categories.change_subcategory(
                actor=request.user, subcategory_id=subcategory_id, changes=given.validated_data
            )
        return Response(SubCategoryOut(subcategory).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        operation_id="delete_subcategory",
        tags=["budget"],
        responses={204: None, 400: IN_USE, 403: Detail, 404: Detail},
    )
    def delete(self, request: SignedRequest, subcategory_id: uuid.UUID) -> Response:
        """Delete a subcategory that no expense refers to: staff only (S1-R25)."""
        with bad_request():
            categories.delete_subcategory(actor=request.user, subcategory_id=subcategory_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
