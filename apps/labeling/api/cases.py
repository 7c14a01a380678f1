"""API of review cases."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.labeling import services
from apps.labeling.api.work import annotator
from apps.labeling.case_types import CaseState
from apps.labeling.selectors import cases as selectors
from apps.labeling.selectors import orders
from apps.tenancy.actors import actor_of


class CaseSerializer(serializers.Serializer[Any]):
    """A review case: what was seen, in words and figures, the annotator's reply, the decision."""

    id = serializers.UUIDField()
    order_id = serializers.UUIDField()
    order_title = serializers.CharField()
    annotator = serializers.IntegerField(help_text="number of the annotator in the order; 0 for the annotator itself")
    kind = serializers.CharField()
    message = serializers.CharField()
    figures = serializers.JSONField()
    state = serializers.ChoiceField(choices=[state.value for state in CaseState])
    reply = serializers.CharField()
    decision = serializers.CharField()
    opened_at = serializers.DateTimeField()
    replied_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    may_stop_at = serializers.DateTimeField(help_text="from when on it can be decided against the annotator")


class CaseReplySerializer(serializers.Serializer[Any]):
    """The annotator's word."""

    reply = serializers.CharField(allow_blank=True, default="")


class CaseDecisionSerializer(serializers.Serializer[Any]):
    """`cleared`, or `stopped`: no more tasks of this order. The annotator reads the reason."""

    decision = serializers.ChoiceField(choices=[CaseState.CLEARED.value, CaseState.STOPPED.value])
    reason = serializers.CharField(allow_blank=True, default="")


class OrderCaseListView(generics.ListAPIView[Any]):
    """The review cases of an order, newest first."""

    serializer_class = CaseSerializer

    def get_queryset(self) -> Any:
        return selectors.order_cases(orders.order(actor_of(self.request), self.kwargs["order_id"]))

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        order = orders.order(actor_of(self.request), self.kwargs["order_id"]) if args else None
        numbers = selectors.annotator_numbers(order) if order is not None else {}
        rows = [selectors.case_info(row, numbers).as_json() for row in (args[0] if args else [])]
        return CaseSerializer(rows, many=True)


class CaseDecisionView(APIView):
    """Decide a case of an own order."""

    @extend_schema(request=CaseDecisionSerializer, responses=CaseSerializer)
    def post(self, request: Request, case_id: UUID) -> Response:
        data = request.data if isinstance(request.data, dict) else {}
        found = services.decide_case(
            actor=actor_of(request),
            case_id=case_id,
            decision=str(data.get("decision", "")),
            reason=str(data.get("reason", "")),
        )
        return Response(found.as_json())


class MyCaseListView(APIView):
    """The caller's review cases as an annotator, newest first."""

    @extend_schema(responses=CaseSerializer(many=True))
    def get(self, request: Request) -> Response:
        with annotator(request) as actor:
            return Response({"results": [case.as_json() for case in selectors.my_cases(actor)]})


class CaseReplyView(APIView):
    """Say something to what was seen in one's answers."""

    @extend_schema(request=CaseReplySerializer, responses=CaseSerializer)
    def post(self, request: Request, case_id: UUID) -> Response:
        with annotator(request) as actor:
            selectors.my_case(actor, case_id)
            text = str(request.data.get("reply", "")) if isinstance(request.data, dict) else ""
            return Response(services.reply_to_case(actor=actor, case_id=case_id, reply=text).as_json())
