"""API of changes to an order: pause, go on, ask for more, move the deadline, change the target."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.money import Money
from apps.labeling import services
from apps.labeling.api.order_serializers import MoneySerializer, OrderDetailSerializer
from apps.labeling.selectors import orders as selectors
from apps.tenancy.actors import actor_of


class ExtensionRequestSerializer(serializers.Serializer[Any]):
    """What is asked for in addition; one of the two, or both."""

    redundancy = serializers.IntegerField(required=False, help_text="answers for each item, more than now")
    budget_minor = serializers.IntegerField(
        required=False, min_value=1, help_text="the new budget, for an order whose budget does not pay for all labels"
    )

    def wanted(self) -> dict[str, Any]:
        """The arguments for the services."""
        data = self.validated_data
        budget = Money(data["budget_minor"]) if "budget_minor" in data else None
        return {"redundancy": data.get("redundancy"), "budget": budget}


class ExtensionSerializer(serializers.Serializer[Any]):
    """What it adds, to the cent."""

    redundancy = serializers.IntegerField()
    labels_added = serializers.IntegerField()
    held_now = MoneySerializer()
    held_after = MoneySerializer()
    added = MoneySerializer()


class DeadlineSerializer(serializers.Serializer[Any]):
    """When the order ends by itself; null: when all is labelled."""

    deadline = serializers.DateTimeField(allow_null=True)


class TargetSerializer(serializers.Serializer[Any]):
    """How probable each result must be; null: so many answers for each item as the redundancy says."""

    target = serializers.FloatField(allow_null=True)


class PauseView(APIView):
    """Lend no more tasks. Those in hand are answered and paid as ever; the money stays held."""

    @extend_schema(request=None, responses=OrderDetailSerializer)
    def post(self, request: Request, order_id: UUID) -> Response:
        return Response(OrderDetailSerializer(services.pause_order(actor=actor_of(request), order_id=order_id)).data)


class ResumeView(APIView):
    """Have a paused order go on."""

    @extend_schema(request=None, responses=OrderDetailSerializer)
    def post(self, request: Request, order_id: UUID) -> Response:
        return Response(OrderDetailSerializer(services.resume_order(actor=actor_of(request), order_id=order_id)).data)


class ExtensionView(APIView):
    """More answers for each item, or a higher budget. GET says what it costs; POST does it at exactly that price."""

    @extend_schema(
        parameters=[OpenApiParameter(name, OpenApiTypes.INT) for name in ("redundancy", "budget_minor")],
        responses=ExtensionSerializer,
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        order = selectors.order(actor_of(request), order_id)
        checked = ExtensionRequestSerializer(data=request.query_params)
        checked.is_valid(raise_exception=True)
        return Response(services.extension_of(order, **checked.wanted()).as_json())

    @extend_schema(request=ExtensionRequestSerializer, responses=OrderDetailSerializer)
    def post(self, request: Request, order_id: UUID) -> Response:
        selectors.order(actor_of(request), order_id)
        checked = ExtensionRequestSerializer(data=request.data)
        checked.is_valid(raise_exception=True)
        order = services.extend_order(actor=actor_of(request), order_id=order_id, **checked.wanted())
        return Response(OrderDetailSerializer(order).data)


class DeadlineView(APIView):
    """Set, move or take away the deadline of an order that has not ended."""

    @extend_schema(request=DeadlineSerializer, responses=OrderDetailSerializer)
    def post(self, request: Request, order_id: UUID) -> Response:
        selectors.order(actor_of(request), order_id)
        checked = DeadlineSerializer(data=request.data)
        checked.is_valid(raise_exception=True)
        deadline = checked.validated_data["deadline"]
        order = services.set_deadline(actor=actor_of(request), order_id=order_id, deadline=deadline)
        return Response(OrderDetailSerializer(order).data)


class TargetView(APIView):
    """Raise, lower, set or take away the target of an order that has not ended. The money held stays as it is."""

    @extend_schema(request=TargetSerializer, responses=OrderDetailSerializer)
    def post(self, request: Request, order_id: UUID) -> Response:
        selectors.order(actor_of(request), order_id)
        checked = TargetSerializer(data=request.data)
        checked.is_valid(raise_exception=True)
        target = checked.validated_data["target"]
        order = services.set_target(actor=actor_of(request), order_id=order_id, target=target)
        return Response(OrderDetailSerializer(order).data)
