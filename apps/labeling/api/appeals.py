"""API of appeals: an annotator's word against a rejection, the blind reviews of others, what the requester sees."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.labeling import services
from apps.labeling.api.order_serializers import MoneySerializer
from apps.labeling.api.work import annotator
from apps.labeling.appeal_types import MAX_APPEAL, MIN_APPEAL, AppealState, Verdict
from apps.labeling.selectors import appeals as selectors
from apps.labeling.selectors import orders
from apps.tenancy.actors import actor_of


class AppealTextSerializer(serializers.Serializer[Any]):
    """Why the answer is right."""

    text = serializers.CharField(max_length=MAX_APPEAL, min_length=MIN_APPEAL)


class AppealSerializer(serializers.Serializer[Any]):
    """An appeal: what was decided before it, and what is now. `amount` is what the answer was paid."""

    id = serializers.UUIDField()
    annotation_id = serializers.UUIDField()
    order_id = serializers.UUIDField()
    text = serializers.CharField()
    state = serializers.ChoiceField(choices=[state.value for state in AppealState])
    filed_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    rule_before = serializers.CharField()
    reason_before = serializers.CharField()
    rule = serializers.CharField()
    reason = serializers.CharField()
    task_text = serializers.CharField()
    answer_text = serializers.CharField()
    expected_text = serializers.CharField()
    amount = MoneySerializer()


class ReviewSerializer(serializers.Serializer[Any]):
    """A review in hand: two values for an item. `second` is null where both values are the same."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    instruction = serializers.CharField()
    design = serializers.JSONField()
    data = serializers.JSONField(help_text="{input name: value}")  # type: ignore[assignment]  # a field called data
    first = serializers.JSONField(help_text="{control name: value}")
    second = serializers.JSONField(allow_null=True)
    verdicts = serializers.ListField(child=serializers.ChoiceField(choices=[verdict.value for verdict in Verdict]))
    price = MoneySerializer()
    expires_at = serializers.DateTimeField()


class VerdictSerializer(serializers.Serializer[Any]):
    """Which of the two values is right."""

    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in Verdict])


class AppealView(APIView):
    """The caller's appeal against what was decided of an answer; POST files it."""

    @extend_schema(responses=AppealSerializer)
    def get(self, request: Request, annotation_id: UUID) -> Response:
        with annotator(request) as actor:
            return Response(selectors.my_appeal(actor, annotation_id).as_json())

    @extend_schema(request=AppealTextSerializer, responses={201: AppealSerializer})
    def post(self, request: Request, annotation_id: UUID) -> Response:
        with annotator(request) as actor:
            selectors.my_annotation(actor, annotation_id)
            given = AppealTextSerializer(data=request.data)
            given.is_valid(raise_exception=True)
            made = services.file_appeal(actor=actor, annotation_id=annotation_id, text=given.validated_data["text"])
        return Response(made.as_json(), status=status.HTTP_201_CREATED)


class OrderAppealListView(generics.ListAPIView[Any]):
    """The appeals in an order, newest first, for its requester."""

    serializer_class = AppealSerializer

    def get_queryset(self) -> Any:
        return selectors.order_appeals(orders.order(actor_of(self.request), self.kwargs["order_id"]))

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        rows = [selectors.appeal_info(row).as_json() for row in (args[0] if args else [])]
        return AppealSerializer(rows, many=True)


class TakeReviewView(APIView):
    """Take the next review, or the one in hand again. 204: there is none for the caller now."""

    @extend_schema(request=None, responses={200: ReviewSerializer, 204: None})
    def post(self, request: Request) -> Response:
        with annotator(request) as actor:
            found = services.take_review(actor=actor)
        if found is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(found.as_json())


class VerdictView(APIView):
    """Give a verdict on a review in hand. Returns what it pays."""

    @extend_schema(request=VerdictSerializer, responses=MoneySerializer)
    def post(self, request: Request, review_id: UUID) -> Response:
        verdict = str(request.data.get("verdict", "")) if isinstance(request.data, dict) else ""
        with annotator(request) as actor:
            paid = services.decide_review(actor=actor, review_id=review_id, verdict=verdict)
        return Response(paid.as_json())
