"""API of imports: `/api/v1/imports/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.labeling import services
from apps.labeling.api.fields import JsonField
from apps.labeling.import_types import MAX_URLS
from apps.labeling.selectors import imports as selectors
from apps.tenancy.actors import actor_of


class NewImportSerializer(serializers.Serializer[Any]):
    """An import of one of `file` (multipart: CSV, JSONL, Parquet, zip of media), `urls` or `s3`.

    Tables hold a column for each input; optional columns: id, label, gold, and licence, source and consent where an
    item has its own. Without licence, source and a word on consent nothing is imported.
    """

    title = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    file = serializers.FileField(required=False, allow_empty_file=True)
    urls = JsonField(required=False, help_text=f"up to {MAX_URLS:,} public addresses of media or text files")
    s3 = JsonField(
        required=False,
        help_text="{bucket, prefix, region, endpoint, access_key, secret_key, session_token}; all but bucket optional",
    )
    licence = serializers.CharField(
        max_length=500,
        required=False,
        default="",
        allow_blank=True,
        help_text="SPDX id such as CC-BY-4.0; own (say it in licence_text); by-row (each row has its own)",
    )
    licence_text = serializers.CharField(max_length=5_000, required=False, default="", allow_blank=True)
    source = serializers.CharField(  # type: ignore[assignment]  # a field of the answer, not an attribute
        max_length=5_000, required=False, default="", allow_blank=True, help_text="where the items come from"
    )
    consent = serializers.BooleanField(
        required=False, default=None, allow_null=True, help_text="whether the people in the items agreed"
    )
    consent_text = serializers.CharField(
        max_length=5_000,
        required=False,
        default="",
        allow_blank=True,
        help_text="how they agreed, or why nobody has to",
    )
    masking = serializers.BooleanField(
        default=True, help_text="replace personal data by placeholders; only an owner gets to see it again"
    )
    phone_regions = JsonField(required=False, help_text="countries of phone numbers without a country code")
    strict = serializers.BooleanField(default=False, help_text="import nothing where any row is bad")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("urls", "phone_regions"):
            if name in attrs and not (isinstance(attrs[name], list) and all(isinstance(x, str) for x in attrs[name])):
                raise serializers.ValidationError({name: "This must be a list of texts."})
        place = attrs.get("s3")
        if place is not None and not (
            isinstance(place, dict) and all(isinstance(value, str) for value in place.values())
        ):
            raise serializers.ValidationError({"s3": "This must be an object of texts."})
        return attrs


class ImportSourceSerializer(serializers.Serializer[Any]):
    """A file, list or bucket of an import."""

    kind = serializers.CharField()
    name = serializers.CharField()
    bytes = serializers.IntegerField()


class ImportSerializer(serializers.Serializer[Any]):
    """An import: how far it is, and what it brought."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    state = serializers.CharField(help_text="queued, running, ready, failed or cancelled")
    phase = serializers.CharField()
    problem = serializers.CharField()
    percent = serializers.FloatField()
    items = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    masked_items = serializers.IntegerField(help_text="items in which personal data was replaced")
    rows_per_s = serializers.FloatField()
    eta_s = serializers.IntegerField(allow_null=True)
    columns = serializers.DictField(child=serializers.CharField(), help_text="column -> text, image, audio, …")
    sources = ImportSourceSerializer(many=True)
    licence = serializers.CharField()
    licence_text = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not an attribute
    consent = serializers.BooleanField()
    consent_text = serializers.CharField()
    masking = serializers.BooleanField()
    strict = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(selectors.as_json(instance))
        return shown


class CorrectionSerializer(serializers.Serializer[Any]):
    """A corrected file, such as the downloaded quarantine list."""

    file = serializers.FileField(allow_empty_file=True)


class QuarantinedRowSerializer(serializers.Serializer[Any]):
    """A row that was left out: why, and what to do."""

    file = serializers.CharField()
    row = serializers.IntegerField()
    field = serializers.CharField()
    reason = serializers.CharField()
    what_to_do = serializers.CharField(source="remedy")
    content = serializers.DictField()


class ImportedItemSerializer(serializers.Serializer[Any]):
    """An item of a finished import, as annotators get to see it, and by which right."""

    id = serializers.UUIDField()
    row = serializers.IntegerField()
    file = serializers.CharField()
    external_id = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]  # a field of the answer, not an attribute
    known = serializers.DictField()
    licence = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not an attribute
    consent = serializers.CharField()
    has_personal_data = serializers.BooleanField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(selectors.item_json(instance))
        return shown


class UnmaskedSerializer(serializers.Serializer[Any]):
    """An item's data as it came in."""

    data = serializers.DictField()  # type: ignore[assignment]  # a field of the answer, not an attribute


class MediaSerializer(serializers.Serializer[Any]):
    """A media file and an address that shows it until it expires."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    content_type = serializers.CharField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    url = serializers.SerializerMethodField()

    def get_url(self, media: Any) -> str:
        return selectors.media_url(media.tenant_id, media.storage_key, media.content_type)


class ImportListView(generics.ListAPIView[Any]):
    """The organisation's imports; POST queues one."""

    serializer_class = ImportSerializer

    def get_queryset(self) -> Any:
        return selectors.imports(actor_of(self.request))

    @extend_schema(request=NewImportSerializer, responses={201: ImportSerializer})
    def post(self, request: Request) -> Response:
        checked = NewImportSerializer(data=request.data)
        checked.is_valid(raise_exception=True)
        data = dict(checked.validated_data)
        file = data.get("file")
        batch = services.create_import(actor=actor_of(request), filename=file.name if file is not None else "", **data)
        return Response(ImportSerializer(batch).data, status=status.HTTP_201_CREATED)


class ImportView(APIView):
    """One import; DELETE removes it with its items. Orders made of it keep theirs."""

    @extend_schema(responses=ImportSerializer)
    def get(self, request: Request, import_id: UUID) -> Response:
        return Response(ImportSerializer(selectors.import_of(actor_of(request), import_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, import_id: UUID) -> Response:
        services.remove_import(actor=actor_of(request), import_id=import_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ImportCancelView(APIView):
    """Stop it; nothing of it is kept but the upload."""

    @extend_schema(request=None, responses=ImportSerializer)
    def post(self, request: Request, import_id: UUID) -> Response:
        return Response(ImportSerializer(services.cancel_import(actor=actor_of(request), import_id=import_id)).data)


class ImportRetryView(APIView):
    """Read a failed or cancelled one once more."""

    @extend_schema(request=None, responses=ImportSerializer)
    def post(self, request: Request, import_id: UUID) -> Response:
        return Response(ImportSerializer(services.retry_import(actor=actor_of(request), import_id=import_id)).data)


class ImportCorrectionView(APIView):
    """Add a corrected file; its rows replace the quarantined ones that they name."""

    @extend_schema(request=CorrectionSerializer, responses=ImportSerializer)
    def post(self, request: Request, import_id: UUID) -> Response:
        checked = CorrectionSerializer(data=request.data)
        checked.is_valid(raise_exception=True)
        file = checked.validated_data["file"]
        batch = services.correct_import(
            actor=actor_of(request), import_id=import_id, file=file, filename=file.name or ""
        )
        return Response(ImportSerializer(batch).data)


class QuarantineView(generics.ListAPIView[Any]):
    """The rows that were left out."""

    serializer_class = QuarantinedRowSerializer

    def get_queryset(self) -> Any:
        return selectors.quarantine(selectors.import_of(actor_of(self.request), self.kwargs["import_id"]))


class QuarantineCsvView(APIView):
    """The same as a CSV file, to be corrected and sent to `corrections/`."""

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, import_id: UUID) -> StreamingHttpResponse:
        return quarantine_response(selectors.import_of(actor_of(request), import_id))


def quarantine_response(batch: Any) -> StreamingHttpResponse:
    """The quarantine as a download."""
    response = StreamingHttpResponse(selectors.quarantine_csv(batch), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="quarantine.csv"'
    return response


class ImportedItemListView(generics.ListAPIView[Any]):
    """The items of a finished import."""

    serializer_class = ImportedItemSerializer

    def get_queryset(self) -> Any:
        return selectors.items(selectors.import_of(actor_of(self.request), self.kwargs["import_id"]))


class UnmaskView(APIView):
    """An item as it came in, for an owner; each look is in the audit trail."""

    @extend_schema(request=None, responses=UnmaskedSerializer)
    def post(self, request: Request, imported_item_id: UUID) -> Response:
        return Response({"data": services.unmask_item(actor=actor_of(request), item_id=imported_item_id)})


class MediaView(APIView):
    """A media file of the organisation."""

    @extend_schema(responses=MediaSerializer)
    def get(self, request: Request, media_id: UUID) -> Response:
        return Response(MediaSerializer(selectors.media_of(actor_of(request), media_id)).data)
