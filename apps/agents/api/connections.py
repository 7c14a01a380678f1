"""API of what agents reach outside: `/api/v1/agent-connections/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents import selectors, services
from apps.agents.types import ConnectionKind
from apps.tenancy.actors import actor_of


class ConnectionSerializer(serializers.Serializer[Any]):
    """An address that agents may call. A secret goes in and never comes out."""

    id = serializers.UUIDField(read_only=True)
    kind = serializers.ChoiceField(choices=[str(kind) for kind in ConnectionKind])
    name = serializers.CharField(max_length=80)
    url = serializers.CharField(max_length=2000)
    header = serializers.CharField(max_length=60, default="Authorization")
    secret = serializers.CharField(write_only=True, required=False, allow_blank=True, max_length=4000)
    document = serializers.DictField(write_only=True, required=False)
    has_secret = serializers.BooleanField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class SecretSerializer(serializers.Serializer[Any]):
    """Another secret; empty removes it."""

    secret = serializers.CharField(allow_blank=True, max_length=4000)


class ConnectionsView(APIView):
    """The organisation's connections."""

    @extend_schema(operation_id="agent_connections_list", responses=ConnectionSerializer(many=True))
    def get(self, request: Request) -> Response:
        found = ConnectionSerializer(selectors.connections(actor_of(request)), many=True).data
        return Response({"results": found, "next": None, "previous": None})

    @extend_schema(request=ConnectionSerializer, responses={201: ConnectionSerializer})
    def post(self, request: Request) -> Response:
        data = ConnectionSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        sent = dict(data.validated_data)
        made = services.create_connection(actor=actor_of(request), kind=ConnectionKind(sent.pop("kind")), **sent)
        return Response(ConnectionSerializer(made).data, status=status.HTTP_201_CREATED)


class ConnectionView(APIView):
    """One connection."""

    @extend_schema(responses=ConnectionSerializer)
    def get(self, request: Request, connection_id: UUID) -> Response:
        return Response(ConnectionSerializer(selectors.connection(actor_of(request), connection_id)).data)

    @extend_schema(request=SecretSerializer, responses=ConnectionSerializer)
    def patch(self, request: Request, connection_id: UUID) -> Response:
        data = SecretSerializer(data=request.data)
        selectors.connection(actor_of(request), connection_id)
        data.is_valid(raise_exception=True)
        secret = data.validated_data["secret"]
        made = services.replace_secret(actor=actor_of(request), connection_id=connection_id, secret=secret)
        return Response(ConnectionSerializer(made).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, connection_id: UUID) -> Response:
        services.delete_connection(actor=actor_of(request), connection_id=connection_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
