"""Help articles: everybody signed in reads what is published; staff write, publish and withdraw."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.catalog import selectors
from backend.catalog.api.diagnostic_tests import ranked_page
from backend.catalog.api.items import TAGS, image_path
from backend.catalog.api.shapes import PAGING, QUERY, TAGS_MAX, NestedTagIn, TagOut, query_of, tags_of
from backend.catalog.models import DESCRIPTION_MAX, NAME_MAX
from backend.catalog.selectors import Wanted
from backend.catalog.services import articles
from backend.common.cursors import page_of, page_schema
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest

EXCERPT = 200


class ArticleIn(serializers.Serializer[Any]):
    title = TextField(max_length=NAME_MAX)
    description = TextField(max_length=DESCRIPTION_MAX, required=False, allow_blank=True, help_text="Markdown.")
    tags: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=NestedTagIn(), required=False, max_length=TAGS_MAX
    )


class ArticleChangeIn(ArticleIn):
    expected_version = serializers.IntegerField(
        required=False, min_value=1, help_text="Refuse the change (409) when the article has another version by now."
    )


class ArticleOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    slug = serializers.CharField()
    title = serializers.CharField()
    excerpt = serializers.CharField(allow_blank=True, help_text=f"The first {EXCERPT} characters.")
    state = serializers.CharField(help_text="`draft` or `published`.")
    version = serializers.IntegerField()
    published_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    image = serializers.CharField(allow_null=True, help_text="The path that it is fetched from.")
    tags = TagOut(many=True)


class ArticleDetailOut(ArticleOut):
    description = serializers.CharField(allow_blank=True)


class Articles(APIView):
    @extend_schema(
        operation_id="list_help_articles",
        tags=["help"],
        description="Published articles, newest first; searched, the best first.",
        parameters=[
            QUERY,
            TAGS,
            OpenApiParameter("state", str, enum=["published", "draft"], description="Drafts are for staff."),
            *PAGING,
        ],
        responses={200: page_schema("HelpArticlePage", ArticleOut), 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        state = request.query_params.get("state", "published")
        if state not in {"published", "draft"}:
            raise ValidationError({"state": ["Say published or draft."]})
        if state == "draft":
            articles.require_writer(request.user)
        ids, names = tags_of(request)
        wanted = Wanted(query=query_of(request), tag_ids=ids, tag_names=names)

        def fetch(after: int | None, limit: int) -> list[dict[str, Any]]:
            rows = selectors.list_articles(wanted=wanted, drafts=state == "draft", after=after, limit=limit)
            return [_in_list(row) for row in rows]

        if wanted.query:
            return Response(ranked_page(request, fetch))
        return Response(page_of(request, fetch, lambda row: row["id"]))

    @extend_schema(
        operation_id="write_help_article",
        tags=["help"],
        description="Stores a draft. Staff only.",
        request=ArticleIn,
        responses={201: ArticleDetailOut, 403: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        articles.require_writer(request.user)
        fields = _given(ArticleIn(data=request.data))
        item = articles.write_article(actor=request.user, **fields)
        return _answer(item.slug or "", code=status.HTTP_201_CREATED)


class Article(APIView):
    @extend_schema(operation_id="get_help_article", tags=["help"], responses={200: ArticleDetailOut, 404: Detail})
    def get(self, request: SignedRequest, slug: str) -> Response:
        return Response(_shown(selectors.get_article(slug=slug, drafts=articles.is_writer(request.user))))

    @extend_schema(
        operation_id="change_help_article",
        tags=["help"],
        description="Staff only. A published article changes for its readers at once.",
        request=ArticleChangeIn,
        responses={
            200: ArticleDetailOut,
            403: Detail,
            404: Detail,
            409: OpenApiResponse(Detail, description="It has another version by now, which `version` names."),
        },
    )
    def patch(self, request: SignedRequest, slug: str) -> Response:
        articles.require_writer(request.user)
        fields = _given(ArticleChangeIn(data=request.data, partial=True))
        names, version = fields.pop("tags", None), fields.pop("expected_version", None)
        articles.change_article(actor=request.user, slug=slug, changes=fields, tags=names, expected_version=version)
        return _answer(slug)

    @extend_schema(operation_id="delete_help_article", tags=["help"], responses={204: None, 403: Detail, 404: Detail})
    def delete(self, request: SignedRequest, slug: str) -> Response:
        articles.delete_article(actor=request.user, slug=slug)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Publish(APIView):
    @extend_schema(
        operation_id="publish_help_article",
        tags=["help"],
        request=None,
        responses={200: ArticleDetailOut, 403: Detail, 404: Detail},
    )
    def post(self, request: SignedRequest, slug: str) -> Response:
        articles.publish_article(actor=request.user, slug=slug)
        return _answer(slug)


class Withdraw(APIView):
    @extend_schema(
        operation_id="withdraw_help_article",
        tags=["help"],
        request=None,
        responses={200: ArticleDetailOut, 403: Detail, 404: Detail},
    )
    def post(self, request: SignedRequest, slug: str) -> Response:
        articles.withdraw_article(actor=request.user, slug=slug)
        return _answer(slug)


def _given(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    fields: dict[str, Any] = dict(serializer.validated_data)
    if "tags" in fields:
        fields["tags"] = [tag["name"] for tag in fields["tags"]]
    return fields


def _answer(slug: str, code: int = status.HTTP_200_OK) -> Response:
    return Response(_shown(selectors.get_article(slug=slug, drafts=True)), status=code)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    state = "draft" if row["published_at"] is None else "published"
    rest = {name: value for name, value in row.items() if name != "has_image"}
    return {**rest, "excerpt": row["description"][:EXCERPT], "state": state, "image": image_path(row)}


def _in_list(row: dict[str, Any]) -> dict[str, Any]:
    """Without the text, which only one article's own address sends."""
    return {name: value for name, value in _shown(row).items() if name != "description"}
