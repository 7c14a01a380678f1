"""API of what can be made of versions: exports, Croissant metadata, differences, new versions, removals."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import permissions, serializers, status
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import InvalidInput
from apps.core.streaming import Download
from apps.datasets import exports, selectors, services
from apps.datasets.api import DatasetVersionSerializer
from apps.datasets.croissant import croissant
from apps.datasets.diffs import Change
from apps.datasets.types import DatasetVersionInfo
from apps.tenancy.actors import actor_of, maybe_actor
from apps.tenancy.selectors import organisation_names

MAX_PAGE = 200


class AnyFormat(BaseContentNegotiation):
    """Leaves `?format=` to the view: it names the file's format, not that of an answer of the API."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return JSONRenderer(), JSONRenderer.media_type


class ExportView(APIView):
    """The rows in any format that fits them, streamed: jsonl, csv, and by design label_studio, coco, conll, parquet…"""

    content_negotiation_class = AnyFormat

    @extend_schema(
        parameters=[OpenApiParameter("format", str, required=True)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, dataset_id: UUID, number: int) -> Download:
        version = selectors.readable_version(actor_of(request), dataset_id, number)
        return export_response(version, request.query_params.get("format", ""))


def export_response(version: DatasetVersionInfo, name: str) -> Download:
    """A version's rows in a format, as a download. Raises InvalidInput where it has none of that."""
    found = exports.format_named(name, version)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", version.dataset_name).strip("-.") or "dataset"
    return Download(
        found.write(version, selectors.iter_rows(version.id)),
        filename=f"{stem[:60]}-v{version.number}.{found.extension}",
        content_type=found.content_type,
    )


class CroissantView(APIView):
    """Croissant metadata (JSON-LD): public where the dataset is, else for those who may know of it."""

    permission_classes = [permissions.AllowAny]

    @extend_schema(responses={(200, "application/ld+json"): OpenApiTypes.OBJECT})
    def get(self, request: Request, dataset_id: UUID, number: int) -> Response:
        actor = maybe_actor(request)
        dataset = selectors.visible_dataset(actor, dataset_id)
        version = selectors.visible_version(actor, dataset_id, number)
        creator = organisation_names([dataset.owner_id]).get(dataset.owner_id, "")
        found = croissant(version, summary=dataset.summary, creator=creator, base_url=settings.PUBLIC_URL)
        return Response(found, content_type="application/ld+json")


class DiffQuery(serializers.Serializer[Any]):
    """Which differences, from where."""

    against = serializers.IntegerField(min_value=1)
    change = serializers.ChoiceField(choices=[one.value for one in Change], required=False)
    offset = serializers.IntegerField(min_value=0, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=50)


class DiffSerializer(serializers.Serializer[Any]):
    """Counts over all rows, and a page of those that differ; `columns` counts changed rows by column."""

    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    columns = serializers.DictField(child=serializers.IntegerField())
    columns_added = serializers.ListField(child=serializers.CharField())
    columns_removed = serializers.ListField(child=serializers.CharField())
    total = serializers.IntegerField()
    next_offset = serializers.IntegerField(allow_null=True)
    results = serializers.SerializerMethodField()

    @extend_schema(responses=serializers.ListField(child=serializers.DictField()))
    def get_results(self, diff: Any) -> list[dict[str, Any]]:
        return [change.as_json() for change in diff.page]


class DiffView(APIView):
    """What this version changed against another one (`against`)."""

    @extend_schema(parameters=[DiffQuery], responses=DiffSerializer)
    def get(self, request: Request, dataset_id: UUID, number: int) -> Response:
        query = DiffQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        change = Change(wanted["change"]) if "change" in wanted else None
        found = selectors.diff(
            actor_of(request),
            dataset_id,
            wanted["against"],
            number,
            change=change,
            offset=wanted["offset"],
            limit=wanted["limit"],
        )
        return Response(DiffSerializer(found).data)


class ConditionSerializer(serializers.Serializer[Any]):
    """`column operator value`; operators: eq, ne, in, contains, lt, le, gt, ge, empty, filled."""

    column = serializers.CharField(max_length=200)
    operator = serializers.CharField(max_length=20)
    value = serializers.JSONField(required=False)


class SplitSerializer(serializers.Serializer[Any]):
    """How rows are set aside; `group_by` keeps rows with the same value in that column together."""

    seed = serializers.IntegerField(required=False)
    test_percent = serializers.IntegerField(required=False)
    validation_percent = serializers.IntegerField(required=False)
    group_by = serializers.CharField(required=False, allow_blank=True, max_length=200)


class DerivationSerializer(serializers.Serializer[Any]):
    """A new version from rows of this one."""

    filters = ConditionSerializer(many=True, default=list)
    sample = serializers.IntegerField(default=0, min_value=0, max_value=2**31)
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**31)
    split = SplitSerializer(required=False, allow_null=True)


class DerivationView(APIView):
    """POST releases a version from rows of this one: filtered, sampled, split anew."""

    @extend_schema(request=DerivationSerializer, responses={201: DatasetVersionSerializer})
    def post(self, request: Request, dataset_id: UUID, number: int) -> Response:
        data = DerivationSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = data.validated_data
        if not wanted["filters"] and not wanted["sample"] and wanted.get("split") is None:
            raise InvalidInput("nothing_to_do", "Say filters, a sample or a split: else the version would be the same.")
        actor = actor_of(request)
        made = services.derive_dataset_version(
            actor=actor,
            dataset_id=dataset_id,
            number=number,
            filters=wanted["filters"],
            sample=wanted["sample"],
            seed=wanted["seed"],
            split=wanted.get("split"),
        )
        body = DatasetVersionSerializer(made, context={"actor": actor}).data
        return Response(body, status=status.HTTP_201_CREATED)


class RemovalRequestSerializer(serializers.Serializer[Any]):
    """Either rows by a column's value, or an annotator's single answers by pseudonym."""

    column = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")
    value = serializers.CharField(required=False, allow_blank=True, max_length=2_000, default="", trim_whitespace=False)
    annotator = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")


class RemovalSerializer(serializers.Serializer[Any]):
    """That a person's data was taken out; it does not say whose."""

    id = serializers.UUIDField()
    column = serializers.CharField()
    rows = serializers.IntegerField()
    answers = serializers.IntegerField()
    versions = serializers.ListField(child=serializers.IntegerField())
    new_version = serializers.IntegerField(allow_null=True)
    removed_at = serializers.DateTimeField()


class RemovalListView(APIView):
    """Removals of a person's data from a dataset; POST takes one out of all versions."""

    @extend_schema(responses=RemovalSerializer(many=True))
    def get(self, request: Request, dataset_id: UUID) -> Response:
        dataset = selectors.own_dataset(actor_of(request), dataset_id)
        return Response({"results": RemovalSerializer(selectors.removals(dataset), many=True).data})

    @extend_schema(request=RemovalRequestSerializer, responses={201: RemovalSerializer})
    def post(self, request: Request, dataset_id: UUID) -> Response:
        data = RemovalRequestSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        made = services.remove_person(actor=actor_of(request), dataset_id=dataset_id, **data.validated_data)
        return Response(RemovalSerializer(made).data, status=status.HTTP_201_CREATED)
