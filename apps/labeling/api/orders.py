"""API of orders: draft with a quote, launch, watch, end, take the answers out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.money import Money
from apps.labeling import services, uploads
from apps.labeling.api.exports import design_from_config
from apps.labeling.api.fields import JsonField, PartField
from apps.labeling.api.foreign import FORMATS, read_foreign
from apps.labeling.api.order_serializers import (
    OrderDetailSerializer,
    OrderSerializer,
    ProgressSerializer,
    QuoteSerializer,
    progress_of,
)
from apps.labeling.api.reviewing import ReviewSettingsSerializer, review_settings
from apps.labeling.api.skills import RequirementsSerializer
from apps.labeling.brief import read_design
from apps.labeling.pricing import quote
from apps.labeling.selectors import orders as selectors
from apps.labeling.services import DraftSettings
from apps.labeling.terms import Terms
from apps.tenancy.actors import actor_of


class NewOrderSerializer(serializers.Serializer[Any]):
    """A draft: `file` (multipart; CSV or JSONL), `rows` (JSON) or `import_id`, with a column for each input.

    Optional columns: id, one for each control (its known answer), gold (yes: a hidden check question). The plain text
    classification needs no design: give `classes`, and the columns are text and label.
    """

    title = serializers.CharField(max_length=500)
    instruction = serializers.CharField(max_length=10_000, help_text="Markdown; 40 words are best")
    design = JsonField(
        required=False,
        help_text="{inputs: [{name, type, title}], controls: [{type, name, input, title, required, …}]}",
    )
    label_config = serializers.CharField(
        required=False,
        max_length=1_000_000,
        help_text="instead of a design: a Label Studio config; `file` can then be a JSON export of its tasks",
    )
    classes = JsonField(
        required=False,
        help_text="instead of a design, the choices: names, or {name, key}; left out: the labels found in the upload",
    )
    example = JsonField(required=False, help_text="{data, answer, why}, or {text, label, why} with classes")
    price_minor = serializers.IntegerField(help_text="pay for one accepted label, in minor units")
    currency = serializers.RegexField(r"^USD$", default="USD")
    redundancy = serializers.IntegerField(default=3, help_text="answers for each item; with a target, at most")
    target = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="how probable each result must be, e.g. 0.95: items that are sure earlier get fewer answers; for "
        "designs with one required single choice",
    )
    budget_minor = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        help_text="the most to spend, fee included; the order ends where it pays for no more labels",
    )
    deadline = serializers.DateTimeField(
        required=False, allow_null=True, help_text="no task is lent from then on; the order ends with what is labelled"
    )
    auto_approve_days = serializers.IntegerField(
        default=7, help_text="an answer that is not decided after so many days is accepted and paid"
    )
    gold_percent = serializers.IntegerField(
        default=10, help_text="share of the items with a known label that become hidden check questions"
    )
    machine = JsonField(
        required=False, help_text="{mode: assist, precision, audit, source}: let a machine label what it proves to know"
    )
    requirements = PartField(
        RequirementsSerializer, help_text="{skills, languages, level} that annotators need; see …/requirements/"
    )
    review = PartField(
        ReviewSettingsSerializer,
        help_text="{adjudication, skill_id, price_minor, reviews}: who decides beside the consensus; see "
        "…/review-settings/. The money for paid reviews is set aside at once",
    )
    file = serializers.FileField(required=False, allow_empty_file=True)
    format = serializers.ChoiceField(
        choices=FORMATS,
        required=False,
        help_text="of the file, where it is another tool's: label_studio (with label_config), conll, parquet, or coco "
        "(with the import_id that has its images); its labels become known answers",
    )
    gold_file = serializers.FileField(
        required=False, allow_empty_file=True, help_text="more check questions, each with its known answer"
    )
    rows = serializers.JSONField(required=False, help_text="the rows as objects, instead of a file")
    import_id = serializers.UUIDField(required=False, help_text="a ready import, instead of a file or rows")
    gold_rows = serializers.JSONField(required=False, help_text="the same instead of gold_file")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        wanted = ("file", "import_id") if attrs.get("format") == "coco" else ()
        sources = tuple(name for name in ("file", "rows", "import_id") if name in attrs)
        if wanted and sources != wanted:
            raise serializers.ValidationError({"file": "COCO takes a file, and the import_id that has its images."})
        if attrs.get("format") and "file" not in attrs:
            raise serializers.ValidationError({"file": "Send the file that has this format."})
        if not wanted and len(sources) != 1:
            raise serializers.ValidationError({"file": "Send one of a file, rows or an import_id."})
        for name in ("rows", "gold_rows", "classes"):
            if name in attrs and not isinstance(attrs[name], list):
                raise serializers.ValidationError({name: "This must be a list."})
        for name in ("example", "design", "machine"):
            if name in attrs and not isinstance(attrs[name], dict):
                raise serializers.ValidationError({name: "This must be an object."})
        if sum(name in attrs for name in ("design", "classes", "label_config")) > 1:
            raise serializers.ValidationError({"classes": "Give one of a design, classes or a label_config."})
        if any(not isinstance(one, str | dict) for one in attrs.get("classes", [])):
            raise serializers.ValidationError({"classes": "Each class is a name or an object with name and key."})
        return attrs

    def settings(self) -> DraftSettings:
        """What is set with the draft beside its items."""
        data = self.validated_data
        review = data.get("review")
        return DraftSettings(data.get("machine"), data.get("requirements"), review and review_settings(review))


class OrderListView(generics.ListAPIView[Any]):
    """The organisation's orders; POST saves a draft, or nothing and says which rows are wrong."""

    serializer_class = OrderSerializer

    def get_queryset(self) -> Any:
        return selectors.orders(actor_of(self.request))

    @extend_schema(request=NewOrderSerializer, responses={201: OrderDetailSerializer})
    def post(self, request: Request) -> Response:
        checked = NewOrderSerializer(data=request.data)
        checked.is_valid(raise_exception=True)
        data = checked.validated_data
        known = None
        if "label_config" in data and "file" in data and data["file"].name.lower().endswith(".json"):
            data.setdefault("format", "label_studio")
        if "format" in data:
            foreign = read_foreign(data)
            data["design"], known = foreign.design, foreign.known
            del data["file"]
            if not known:
                data["rows"] = foreign.rows
        elif "label_config" in data:
            data["design"] = design_from_config(data["label_config"])
        design = data.get("design")
        brief = {
            "actor": actor_of(request),
            "title": data["title"],
            "instruction": data["instruction"],
            "example": data.get("example"),
            "design": design,
            "classes": data.get("classes", []),
            "price": Money(data["price_minor"], data["currency"]),
            "redundancy": data["redundancy"],
            "gold_percent": data["gold_percent"],
            "auto_approve_days": data["auto_approve_days"],
            "terms": _terms(data),
        }
        if "file" in data:
            gold = data.get("gold_file")
            draft = partial(
                services.create_order_from_file,
                file=data["file"],
                filename=data["file"].name,
                gold_file=gold,
                gold_filename=gold.name if gold is not None else "",
                **brief,
            )
        else:
            gold_rows = data.get("gold_rows")
            shown = read_design(design) if design is not None else None
            if gold_rows:
                brief["gold_table"] = uploads.read_rows(gold_rows, design=shown, with_answers=True)
                brief["gold_filename"] = "gold_rows"
            if "import_id" in data:
                draft = partial(services.create_order_from_import, import_id=data["import_id"], known=known, **brief)
            else:
                table = uploads.read_rows(data["rows"], design=shown)
                draft = partial(services.create_order, table=table, filename="rows", **brief)
        order = services.draft_with(actor=actor_of(request), settings=checked.settings(), draft=draft)
        return Response(OrderDetailSerializer(order).data, status=status.HTTP_201_CREATED)


def _terms(data: dict[str, Any]) -> Terms:
    budget = data.get("budget_minor")
    return Terms(
        target=data.get("target"),
        budget=Money(budget, data["currency"]) if budget is not None else None,
        deadline=data.get("deadline"),
    )


class QuoteView(APIView):
    """The price of an order that is not drafted yet."""

    @extend_schema(
        parameters=[
            OpenApiParameter(name, OpenApiTypes.INT) for name in ("items", "redundancy", "price_minor", "budget_minor")
        ],
        responses=QuoteSerializer,
    )
    def get(self, request: Request) -> Response:
        checked = QuoteRequestSerializer(data=request.query_params)
        checked.is_valid(raise_exception=True)
        data = checked.validated_data
        found = quote(
            items=data["items"],
            redundancy=data["redundancy"],
            price=Money(data["price_minor"]),
            fee_bps=settings.FEES["label_bps"],
            budget=Money(data["budget_minor"]) if "budget_minor" in data else None,
        )
        return Response(found.as_json())


class QuoteRequestSerializer(serializers.Serializer[Any]):
    """What a price depends on."""

    items = serializers.IntegerField(min_value=1, max_value=uploads.MAX_ITEMS)
    redundancy = serializers.IntegerField(min_value=1, max_value=25, default=3)
    price_minor = serializers.IntegerField(min_value=1, max_value=10_000)
    budget_minor = serializers.IntegerField(min_value=1, required=False)


class OrderView(APIView):
    """One order with its progress."""

    @extend_schema(responses=OrderDetailSerializer)
    def get(self, request: Request, order_id: UUID) -> Response:
        return Response(OrderDetailSerializer(selectors.order(actor_of(request), order_id)).data)


class ProgressView(APIView):
    """How far an order is."""

    @extend_schema(responses=ProgressSerializer)
    def get(self, request: Request, order_id: UUID) -> Response:
        return Response(progress_of(selectors.order(actor_of(request), order_id)))


class LaunchView(APIView):
    """Hold the money and start. 402 without funds says how much is missing."""

    @extend_schema(request=None, responses=OrderDetailSerializer)
    def post(self, request: Request, order_id: UUID) -> Response:
        return Response(OrderDetailSerializer(services.launch_order(actor=actor_of(request), order_id=order_id)).data)


class CancelView(APIView):
    """End for good; answers given are decided and paid, the rest of the money is released."""

    @extend_schema(request=None, responses=OrderDetailSerializer)
    def post(self, request: Request, order_id: UUID) -> Response:
        return Response(OrderDetailSerializer(services.cancel_order(actor=actor_of(request), order_id=order_id)).data)


class FinishView(APIView):
    """End early with a dataset version of what is labelled."""

    @extend_schema(request=None, responses=OrderDetailSerializer)
    def post(self, request: Request, order_id: UUID) -> Response:
        return Response(OrderDetailSerializer(services.finish_order(actor=actor_of(request), order_id=order_id)).data)


class AnswersView(APIView):
    """Every answer given so far, streamed as JSONL: item, answer, state and rule; annotators by number."""

    @extend_schema(responses={(200, "application/x-ndjson"): OpenApiTypes.STR})
    def get(self, request: Request, order_id: UUID) -> StreamingHttpResponse:
        lines = _lines(selectors.answers(selectors.order(actor_of(request), order_id)))
        response = StreamingHttpResponse(lines, content_type="application/x-ndjson")
        response["Content-Disposition"] = 'attachment; filename="answers.jsonl"'
        return response


def _lines(batches: Iterator[list[dict[str, Any]]]) -> Iterator[str]:
    for batch in batches:
        yield "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in batch)
