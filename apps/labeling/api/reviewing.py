"""API of review and adjudication, for members of the requester and annotators with the reviewer's skill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import NotFound
from apps.core.money import Money
from apps.labeling import services
from apps.labeling.api.work import annotator
from apps.labeling.review_types import Decided
from apps.labeling.selectors import orders
from apps.labeling.selectors import reviewing as selectors
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor


@contextmanager
def _reviewer(request: Request, order_id: UUID) -> Iterator[Actor]:
    """The caller as a member of the requester, else as an annotator."""
    actor = actor_of(request)
    try:
        orders.order(actor, order_id)
    except NotFound:
        with annotator(request) as found:
            yield found
    else:
        yield actor


class ReviewSettingsSerializer(serializers.Serializer[Any]):
    """Who decides beside the consensus. Money for the reviews of annotators is set aside at once."""

    adjudication = serializers.BooleanField(
        default=False, help_text="items whose answers differ wait for an adjudicator"
    )
    skill_id = serializers.UUIDField(allow_null=True, default=None, help_text="annotators who have it may review")
    price_minor = serializers.IntegerField(default=0, min_value=0, help_text="pay for one decision of theirs")
    reviews = serializers.IntegerField(default=0, min_value=0, help_text="how many are paid")


def review_settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """What `ReviewSettingsSerializer` has checked, as `services.set_reviews` takes it."""
    return {
        "adjudication": data["adjudication"],
        "skill_id": data["skill_id"],
        "price": Money(data["price_minor"]) if data["price_minor"] else None,
        "reviews": data["reviews"],
    }


class QueuedItemSerializer(serializers.Serializer[Any]):
    """An item whose answers differ; `waits`: for an adjudicator."""

    task_id = serializers.UUIDField()
    row = serializers.IntegerField()
    text = serializers.CharField()
    answers = serializers.IntegerField()
    disagreement = serializers.FloatField(help_text="0: all answers the same; 1: no two have anything in common")
    waits = serializers.BooleanField()
    made_by = serializers.CharField()
    result_text = serializers.CharField()


class ReviewedItemSerializer(serializers.Serializer[Any]):
    """An item with its answers; annotators by number."""

    order_id = serializers.UUIDField()
    task_id = serializers.UUIDField()
    row = serializers.IntegerField()
    design = serializers.JSONField()
    data = serializers.JSONField()  # type: ignore[assignment]  # a field called data
    answers = serializers.ListField(child=serializers.DictField())
    disagreement = serializers.FloatField()
    made_by = serializers.CharField()
    result = serializers.JSONField(allow_null=True)


class AdjudicationSerializer(serializers.Serializer[Any]):
    """What the item's result is, and why."""

    answer = serializers.DictField(help_text="{control name: value}")
    reason = serializers.CharField(allow_blank=True, default="")


class AnswerVerdictSerializer(serializers.Serializer[Any]):
    """What becomes of an answer, and why."""

    verdict = serializers.ChoiceField(choices=[Decided.ACCEPTED.value, Decided.REJECTED.value])
    reason = serializers.CharField(allow_blank=True, default="")


class ReviewSettingsView(APIView):
    """Who reviews an order beside its consensus."""

    @extend_schema(request=ReviewSettingsSerializer, responses=ReviewSettingsSerializer)
    def put(self, request: Request, order_id: UUID) -> Response:
        actor = actor_of(request)
        orders.order(actor, order_id)
        given = ReviewSettingsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        services.set_reviews(actor=actor, order_id=order_id, **review_settings(data))
        return Response(ReviewSettingsSerializer(data).data)


class DisputedView(APIView):
    """Items whose answers differ: those that wait for an adjudicator first, then the most disputed."""

    @extend_schema(responses=QueuedItemSerializer(many=True))
    def get(self, request: Request, order_id: UUID) -> Response:
        with _reviewer(request, order_id) as actor:
            rows = selectors.review_queue(selectors.reviewer_of(actor, order_id), order_id)
        return Response({"results": [row.as_json() for row in rows]})


class ReviewedItemView(APIView):
    """An item with all its answers."""

    @extend_schema(responses=ReviewedItemSerializer)
    def get(self, request: Request, order_id: UUID, task_id: UUID) -> Response:
        with _reviewer(request, order_id) as actor:
            found = selectors.reviewed_item(selectors.reviewer_of(actor, order_id), order_id, task_id)
        return Response(found.as_json())


class AdjudicateView(APIView):
    """Decide an item's result."""

    @extend_schema(request=AdjudicationSerializer, responses=ReviewedItemSerializer)
    def post(self, request: Request, order_id: UUID, task_id: UUID) -> Response:
        with _reviewer(request, order_id) as actor:
            reviewer = selectors.reviewer_of(actor, order_id)
            given = AdjudicationSerializer(data=request.data)
            given.is_valid(raise_exception=True)
            services.adjudicate(actor=actor, order_id=order_id, task_id=task_id, **given.validated_data)
            return Response(selectors.reviewed_item(reviewer, order_id, task_id).as_json())


class ReviewAnswerView(APIView):
    """Accept an answer, or reject one that is not decided yet."""

    @extend_schema(request=AnswerVerdictSerializer, responses=ReviewedItemSerializer)
    def post(self, request: Request, order_id: UUID, annotation_id: UUID) -> Response:
        with _reviewer(request, order_id) as actor:
            reviewer = selectors.reviewer_of(actor, order_id)
            given = AnswerVerdictSerializer(data=request.data)
            given.is_valid(raise_exception=True)
            done = services.review_answer(
                actor=actor, order_id=order_id, annotation_id=annotation_id, **given.validated_data
            )
            return Response(selectors.reviewed_item(reviewer, order_id, done.task_id).as_json())
