"""API of the free sample of a draft."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import InvalidInput
from apps.labeling import services
from apps.labeling.api.order_serializers import MoneySerializer, OrderDetailSerializer
from apps.labeling.models import Order
from apps.labeling.selectors import orders as selectors
from apps.labeling.selectors.sampling import prospects, sample_tasks, shown_task
from apps.labeling.types import OrderState
from apps.tenancy.actors import actor_of


class ProspectsSerializer(serializers.Serializer[Any]):
    """What a draft would cost and take."""

    items = serializers.IntegerField(help_text="items of the sample")
    answered = serializers.IntegerField()
    seconds_per_label = serializers.IntegerField()
    is_measured = serializers.BooleanField(help_text="from the sample's answers; else guessed from the texts' length")
    hourly_rate = MoneySerializer(help_text="what annotators earn in an hour at that speed")
    board_hours_last_day = serializers.FloatField()
    board_annotators_last_day = serializers.IntegerField()
    costs_at_most = MoneySerializer()
    done_soonest = serializers.DateTimeField(allow_null=True, help_text="if all annotators of the board turn to it")
    done_latest = serializers.DateTimeField(allow_null=True, help_text="if it shares them with the open orders")


class SampleTaskSerializer(serializers.Serializer[Any]):
    """An item to answer."""

    id = serializers.UUIDField()
    data = serializers.JSONField()  # type: ignore[assignment]  # a field called data


class SampleSerializer(serializers.Serializer[Any]):
    """The sample so far."""

    tasks = SampleTaskSerializer(many=True, help_text="items not answered yet")
    forecast = ProspectsSerializer()


class SampleAnswerSerializer(serializers.Serializer[Any]):
    """The requester's own answer."""

    task_id = serializers.UUIDField()
    answer = serializers.JSONField()
    elapsed_ms = serializers.IntegerField(default=0)


class SampleView(APIView):
    """Ten items of a draft that the requester answers, free of charge; price and date forecast before the launch."""

    @extend_schema(responses=SampleSerializer)
    def get(self, request: Request, order_id: UUID) -> Response:
        return Response(_sample(selectors.order(actor_of(request), order_id)))

    @extend_schema(request=SampleAnswerSerializer, responses=SampleSerializer)
    def post(self, request: Request, order_id: UUID) -> Response:
        selectors.order(actor_of(request), order_id)
        checked = SampleAnswerSerializer(data=request.data)
        checked.is_valid(raise_exception=True)
        data = checked.validated_data
        if not isinstance(data["answer"], dict):
            message = "The answer is an object: a value for each question."
            raise InvalidInput("unusable_answer", message, errors=[{"field": "answer", "message": message}])
        order = services.answer_sample(actor=actor_of(request), order_id=order_id, **data)
        return Response(_sample(order))


class SampleChecksView(APIView):
    """Use the sample's answers as hidden check questions."""

    @extend_schema(request=None, responses=OrderDetailSerializer)
    def post(self, request: Request, order_id: UUID) -> Response:
        order = services.use_sample_as_checks(actor=actor_of(request), order_id=order_id)
        return Response(OrderDetailSerializer(order).data)


def _sample(order: Order) -> dict[str, Any]:
    waiting = sample_tasks(order) if order.state == OrderState.DRAFT else []
    return {"tasks": [shown_task(task) for task in waiting], "forecast": prospects(order).as_json()}
