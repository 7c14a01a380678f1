"""API of what tools need: tables to ask, calls to approve, what a connection offers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents import selectors, services, streaming
from apps.agents.types import PendingCallInfo
from apps.knowledge.services import uploads
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor


class TableSerializer(serializers.Serializer[Any]):
    """A table that tools may ask."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    columns = serializers.ListField(child=serializers.DictField())
    rows = serializers.IntegerField()
    size = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class CallSerializer(serializers.Serializer[Any]):
    """A call with side effects that waits for the one who asked, or what became of it."""

    id = serializers.UUIDField()
    agent_id = serializers.UUIDField()
    agent_name = serializers.CharField()
    conversation_id = serializers.UUIDField(allow_null=True)
    tool = serializers.CharField()
    arguments = serializers.DictField()
    state = serializers.CharField()
    result = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    answer_id = serializers.UUIDField(
        allow_null=True, help_text="the answer that goes on after the decision; follow it at /answers/<id>/events/"
    )
    message_id = serializers.UUIDField(allow_null=True, help_text="the stored message of that answer")


class CallSettlementSerializer(serializers.Serializer[Any]):
    """What became of an uncertain call; `again` has it made once more where it did not happen."""

    happened = serializers.BooleanField()
    again = serializers.BooleanField(default=False)


class CallDecisionSerializer(serializers.Serializer[Any]):
    """Whether the call may be made, exactly as it is shown."""

    approve = serializers.BooleanField()


class TablesView(APIView):
    """The organisation's tables for tools; POST a CSV, JSONL or Excel file as `file`."""

    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="agent_tables_list", responses=TableSerializer(many=True))
    def get(self, request: Request) -> Response:
        found = TableSerializer(selectors.tables(actor_of(request)), many=True).data
        return Response({"results": found, "next": None, "previous": None})

    @extend_schema(request={"multipart/form-data": dict}, responses={201: TableSerializer})
    def post(self, request: Request) -> Response:
        file = request.FILES.get("file")
        if file is None:
            raise serializers.ValidationError({"file": "Send a file."})
        upload = uploads([file])[0]
        made = services.upload_table(actor=actor_of(request), filename=upload.name, file=upload.content)
        return Response(TableSerializer(made).data, status=status.HTTP_201_CREATED)


class TableView(APIView):
    """One table."""

    @extend_schema(responses=TableSerializer)
    def get(self, request: Request, agent_table_id: UUID) -> Response:
        return Response(TableSerializer(selectors.table(actor_of(request), agent_table_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, agent_table_id: UUID) -> Response:
        services.delete_table(actor=actor_of(request), table_id=agent_table_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CallsView(APIView):
    """Calls that wait for the caller's decision."""

    @extend_schema(operation_id="agent_calls_list", responses=CallSerializer(many=True))
    def get(self, request: Request) -> Response:
        found = CallSerializer(selectors.pending_calls(actor_of(request)), many=True).data
        return Response({"results": found, "next": None, "previous": None})


class CallView(APIView):
    """One call: look at it, or decide it. It is made once, with exactly these arguments."""

    @extend_schema(responses=CallSerializer)
    def get(self, request: Request, pending_call_id: UUID) -> Response:
        return Response(CallSerializer(selectors.pending_call(actor_of(request), pending_call_id)).data)

    @extend_schema(request=CallDecisionSerializer, responses=CallSerializer)
    def post(self, request: Request, pending_call_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.pending_call(actor, pending_call_id)
        data = CallDecisionSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        decided = services.decide_call(actor=actor, call_id=pending_call_id, approve=data.validated_data["approve"])
        return _answering(actor, decided)


class SettleCallView(APIView):
    """Say what became of a call of which that is not known: the answer goes on with it."""

    @extend_schema(request=CallSettlementSerializer, responses=CallSerializer)
    def post(self, request: Request, pending_call_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.pending_call(actor, pending_call_id)
        data = CallSettlementSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        settled = services.settle_call(actor=actor, call_id=pending_call_id, **data.validated_data)
        return _answering(actor, settled)


def _answering(actor: Actor, call: PendingCallInfo) -> Response:
    """The call; the answer that goes on can be followed from now on."""
    if call.answer_id is not None:
        streaming.expect(actor, call.answer_id, call.conversation_id)
    return Response(CallSerializer(call).data)


class OffersView(APIView):
    """What a connection offers: operations of its OpenAPI document, tools of its MCP server, skills of its agent."""

    @extend_schema(operation_id="agent_connection_offers_list", responses={200: dict})
    def get(self, request: Request, connection_id: UUID) -> Response:
        found = services.connection_offers(actor=actor_of(request), connection_id=connection_id)
        return Response({"results": found, "next": None, "previous": None})
