"""Files of entries, in and out: `/api/management/import/` and `/api/management/export.csv`."""

import tempfile
import uuid
from typing import IO, Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.budget.api.filters import WHICH, filters_of, number_of
from backend.budget.api.shapes import bad_request
from backend.budget.errors import SheetRefused, SheetTooLarge
from backend.budget.models import Import, ImportLine, Kind
from backend.budget.selectors import imports as reading
from backend.budget.selectors.entries import all_entries
from backend.budget.services import imports
from backend.budget.sheets.export import csv_pieces
from backend.budget.sheets.layout import DELIMITERS, FIELDS
from backend.budget.sheets.values import DATE_FORMATS
from backend.common.negotiation import AsItComes
from backend.common.shapes import Detail, SignedRequest

SHOWN_LINES = 100
SPOOLED = 1024 * 1024
REFUSED = OpenApiResponse(description="Field errors.")


class CsvParser(BaseParser):
    """A body that is the file."""

    media_type = "text/csv"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        return {"file": stream}


class LayoutIn(serializers.Serializer[Any]):
    """Corrections of what was found out about a file; what is not given stays."""

    columns = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=999),
        help_text=f"Field -> column, from 0. Fields: {', '.join(FIELDS)}.",
    )
    delimiter = serializers.ChoiceField(choices=[(one, one) for one in DELIMITERS])
    date_format = serializers.ChoiceField(choices=[(name, name) for name in DATE_FORMATS])
    decimal = serializers.ChoiceField(choices=[(".", "."), (",", ",")])
    unsigned_as = serializers.ChoiceField(choices=Kind.choices, help_text="What an amount without a minus is.")
    unknown_categories = serializers.ChoiceField(
        choices=[("report", "bad lines"), ("other", "into the categories for everything else")]
    )

    def validate_columns(self, columns: dict[str, int]) -> dict[str, int]:
        unknown = sorted(set(columns) - set(FIELDS))
        if unknown:
            raise ValidationError(f"There is no field called {unknown[0][:40]}.")
        return columns


class ImportLineOut(serializers.ModelSerializer[ImportLine]):
    class Meta:
        model = ImportLine
        fields = ["line", "outcome", "reason"]
        read_only_fields = fields


class LayoutOut(serializers.Serializer[Any]):
    delimiter = serializers.CharField(trim_whitespace=False)
    header_line = serializers.IntegerField(help_text="Lines up to here hold no entries; 0 without a header.")
    header = serializers.ListField(child=serializers.CharField())
    width = serializers.IntegerField()
    columns = serializers.DictField(child=serializers.IntegerField())
    date_format = serializers.CharField()
    date_formats_possible = serializers.ListField(
        child=serializers.CharField(), help_text="With more than one, ask which is meant."
    )
    decimal = serializers.CharField()
    unsigned_as = serializers.CharField()
    unknown_categories = serializers.CharField()
    missing = serializers.ListField(child=serializers.CharField(), help_text="What has no column yet.")


class ImportOut(serializers.ModelSerializer[Import]):
    layout = LayoutOut(read_only=True)
    sample = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField()), read_only=True, help_text="The first lines."
    )
    percent = serializers.SerializerMethodField()

    class Meta:
        model = Import
        fields = [
            *("id", "name", "size", "state", "created_at", "layout", "sample", "lines_total", "lines_done", "percent"),
            *("rows_good", "rows_bad", "rows_duplicate"),
        ]
        read_only_fields = fields

    def get_percent(self, found: Import) -> int | None:
        """How far checking or loading is; null while the number of lines is not known."""
        if found.state in {Import.State.READY, Import.State.DONE}:
            return 100
        return found.lines_done * 100 // found.lines_total if found.lines_total else None


class ImportDetailOut(ImportOut):
    lines = serializers.SerializerMethodField()

    class Meta(ImportOut.Meta):
        fields = [*ImportOut.Meta.fields, "lines"]
        read_only_fields = fields

    def get_lines(self, found: Import) -> list[dict[str, Any]]:
        """The first lines that were not loaded, or will not be; `lines/` has all."""
        return list(ImportLineOut(reading.lines_of(found, limit=SHOWN_LINES), many=True).data)


class Imports(APIView):
    parser_classes = [MultiPartParser, CsvParser]

    @extend_schema(operation_id="list_imports", tags=["budget"], responses={200: ImportOut(many=True)})
    def get(self, request: SignedRequest) -> Response:
        """One's latest imports."""
        return Response(ImportOut(reading.list_imports(actor=request.user), many=True).data)

    @extend_schema(
        operation_id="start_import",
        tags=["budget"],
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            },
            "text/csv": {"type": "string"},
        },
        responses={
            201: ImportDetailOut,
            400: REFUSED,
            409: OpenApiResponse(Detail, description="Too many files wait already."),
        },
    )
    def post(self, request: SignedRequest) -> Response:
        """Hand in a file of at most 64 MB, as a form's `file` or as the body. Its lines are checked, none is loaded."""
        body = request.data
        given = body.get("file") if isinstance(body, dict) else None
        if given is None or isinstance(given, str):
            raise ValidationError({"file": ["Send a file."]})
        name = (given.name or "") if isinstance(given, UploadedFile) else ""
        try:
            with tempfile.SpooledTemporaryFile(SPOOLED) as spool:
                _spool(given, cast(BinaryIO, spool))
                found = imports.start_import(
                    actor=request.user, name=name.replace("\x00", "")[:200], file=cast(BinaryIO, spool)
                )
        except (SheetRefused, SheetTooLarge) as fault:
            raise ValidationError({"file": [fault.detail]}) from None
        fresh = reading.get_import(actor=request.user, import_id=found.pk)
        return Response(ImportDetailOut(fresh).data, status=status.HTTP_201_CREATED)


class OneImport(APIView):
    @extend_schema(operation_id="get_import", tags=["budget"], responses={200: ImportDetailOut, 404: Detail})
    def get(self, request: SignedRequest, import_id: uuid.UUID) -> Response:
        """One import: its layout, first lines, bad lines, and how far it is."""
        return Response(ImportDetailOut(reading.get_import(actor=request.user, import_id=import_id)).data)

    @extend_schema(
        operation_id="change_import",
        tags=["budget"],
        request=LayoutIn(partial=True),
        responses={200: ImportDetailOut, 400: REFUSED, 404: Detail, 409: Detail},
    )
    def put(self, request: SignedRequest, import_id: uuid.UUID) -> Response:
        """Correct the layout; the lines are checked again."""
        given = LayoutIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        with bad_request():
            imports.change_layout(actor=request.user, import_id=import_id, changes=given.validated_data)
        return Response(ImportDetailOut(reading.get_import(actor=request.user, import_id=import_id)).data)

    @extend_schema(operation_id="delete_import", tags=["budget"], responses={204: None, 404: Detail})
    def delete(self, request: SignedRequest, import_id: uuid.UUID) -> Response:
        """Forget the file and its report. Entries that were loaded stay."""
        imports.delete_import(actor=request.user, import_id=import_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CommitImport(APIView):
    @extend_schema(
        operation_id="commit_import",
        tags=["budget"],
        request=None,
        responses={
            202: ImportDetailOut,
            404: Detail,
            409: OpenApiResponse(Detail, description="Not checked yet, or a column is missing."),
        },
    )
    def post(self, request: SignedRequest, import_id: uuid.UUID) -> Response:
        """Load the good lines. Bad lines and entries that are already there are left out and reported."""
        imports.commit_import(actor=request.user, import_id=import_id)
        found = reading.get_import(actor=request.user, import_id=import_id)
        return Response(ImportDetailOut(found).data, status=status.HTTP_202_ACCEPTED)


class ImportLines(APIView):
    @extend_schema(
        operation_id="list_import_lines",
        tags=["budget"],
        parameters=[
            OpenApiParameter("outcome", str, enum=ImportLine.Outcome.values),
            OpenApiParameter("after", int, description=f"Lines after this one; at most {reading.LINES_MAX} are shown."),
        ],
        responses={200: ImportLineOut(many=True), 400: REFUSED, 404: Detail},
    )
    def get(self, request: SignedRequest, import_id: uuid.UUID) -> Response:
        """The lines that were not loaded, or will not be, by number."""
        outcome = request.query_params.get("outcome") or None
        if outcome is not None and outcome not in ImportLine.Outcome.values:
            raise ValidationError({"outcome": [f"One of {', '.join(ImportLine.Outcome.values)}."]})
        found = reading.get_import(actor=request.user, import_id=import_id)
        after = number_of(request, "after", default=0, least=0, most=999_999_999)
        return Response(ImportLineOut(reading.lines_of(found, outcome=outcome, after=after), many=True).data)


class Export(APIView):
    content_negotiation_class = AsItComes

    @extend_schema(
        operation_id="export_entries",
        tags=["budget"],
        parameters=[*WHICH, OpenApiParameter("type", str, enum=Kind.values, description="Default: both.")],
        responses={(200, "text/csv"): OpenApiTypes.STR, 400: REFUSED},
    )
    def get(self, request: SignedRequest) -> StreamingHttpResponse:
        """One's entries as a CSV file: expenses, then incomes, the oldest first.

        Cells that look like formulas begin with an apostrophe.
        """
        kind = (request.query_params.get("type") or "").lower()
        if kind and kind not in Kind.values:
            raise ValidationError({"type": [f"One of {', '.join(Kind.values)}."]})
        kinds = [kind] if kind else list(Kind.values)
        pieces = all_entries(user_id=request.user.id, filters=filters_of(request), kinds=kinds)
        answer = StreamingHttpResponse(csv_pieces(pieces), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="entries.csv"'
        return answer


def _spool(given: Any, spool: BinaryIO) -> None:
    """Take the whole file in before the transaction begins: a slow client must not hold one open."""
    while piece := given.read(imports.PIECE):
        if spool.tell() + len(piece) > imports.SIZE_MAX:
            raise SheetTooLarge(f"A file has at most {imports.SIZE_MAX // 1024 // 1024} MB.")
        spool.write(piece)
    spool.seek(0)
