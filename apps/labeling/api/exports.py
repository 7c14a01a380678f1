"""API of other tools' formats: an order taken out in any of them, a design read from a Label Studio config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import IO, Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import InvalidInput
from apps.core.streaming import Download
from apps.labeling.brief import read_design
from apps.labeling.formats import label_studio
from apps.labeling.formats.items import FormatProblem, Item
from apps.labeling.formats.label_studio_design import read_label_config
from apps.labeling.selectors import exports
from apps.labeling.selectors import orders as selectors
from apps.labeling.uploads import MAX_ITEMS
from apps.tenancy.actors import actor_of


class AnyFormat(BaseContentNegotiation):
    """Leaves `?format=` to the view: it names the file's format, not that of an answer of the API."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return JSONRenderer(), JSONRenderer.media_type


class OrderExportView(APIView):
    """Every item with its answers so far, streamed: jsonl, csv, label_studio, label_config, coco, conll, parquet, …"""

    content_negotiation_class = AnyFormat

    @extend_schema(
        parameters=[
            OpenApiParameter("format", str, required=True),
            OpenApiParameter("media", bool, description="1: put media files into Parquet, instead of their names"),
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, order_id: UUID) -> Download:
        order = selectors.order(actor_of(request), order_id)
        wanted = exports.export_format(order, request.query_params.get("format", ""))
        with_media = request.query_params.get("media", "") in ("1", "true")
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", order.title).strip("-.") or "order"
        return Download(
            exports.export(order, wanted, with_media=with_media),
            filename=f"{stem[:60]}.{wanted.extension}",
            content_type=wanted.content_type,
        )


class LabelConfigSerializer(serializers.Serializer[Any]):
    """A labelling config of Label Studio, XML."""

    config = serializers.CharField(max_length=1_000_000)


class LabelConfigDesignSerializer(serializers.Serializer[Any]):
    """The design that says the same; give it as an order's `design`."""

    design = serializers.JSONField()


class LabelConfigView(APIView):
    """POST reads a design from a Label Studio config; a tag that is not known here is named with its line."""

    @extend_schema(request=LabelConfigSerializer, responses=LabelConfigDesignSerializer)
    def post(self, request: Request) -> Response:
        actor_of(request)
        data = LabelConfigSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        return Response({"design": design_from_config(data.validated_data["config"])})


def rows_from_tasks(config: str, file: IO[bytes]) -> list[dict[str, Any]]:
    """The tasks of a Label Studio export as rows of an order. Raises InvalidInput naming tag or task.

    A known answer is what is marked as ground truth, what was decided, or the only answer there is.
    """
    try:
        parsed = read_label_config(config)
        found = list(islice(label_studio.read(parsed, file), MAX_ITEMS + 1))
    except FormatProblem as problem:
        errors = [{"field": "file", "message": str(problem)}]
        raise InvalidInput("invalid_tasks", str(problem), errors=errors) from problem
    return [{"id": one.id, **one.data, **_known(one)} for one in found]


def _known(item: Item) -> Mapping[str, Any]:
    if item.gold is not None:
        return item.gold
    if item.result is not None and item.made_by != "machine":
        return item.result
    return item.answers[0].answer if len(item.answers) == 1 else {}


def design_from_config(config: str) -> dict[str, Any]:
    """A checked design's JSON. Raises InvalidInput naming tag and line, or the part of the design."""
    try:
        found = read_label_config(config).design.as_json()
    except FormatProblem as problem:
        errors = [{"field": "label_config", "message": str(problem)}]
        raise InvalidInput("invalid_label_config", str(problem), errors=errors) from problem
    return read_design(found).as_json()
