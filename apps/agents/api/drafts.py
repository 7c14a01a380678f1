"""API of an agent's states: the draft's changes, differences of versions, going back to one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents import selectors, services
from apps.agents.api.agents import AgentSerializer
from apps.tenancy.actors import actor_of


class RevisionSerializer(serializers.Serializer[Any]):
    """One saved change of a draft."""

    number = serializers.IntegerField()
    fields = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]  # DRF's own name
    user_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()


class DifferenceSerializer(serializers.Serializer[Any]):
    """One field that is different; `lines` is a unified diff of longer texts."""

    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    lines = serializers.ListField(child=serializers.CharField())


class RestoreSerializer(serializers.Serializer[Any]):
    """The version to go back to; `revision` as in a change."""

    number = serializers.IntegerField(min_value=1)
    revision = serializers.IntegerField(required=False)


class _StatesSerializer(serializers.Serializer[Any]):
    before = serializers.IntegerField(min_value=0, default=0)
    after = serializers.IntegerField(min_value=0, default=0)


class RevisionsView(APIView):
    """The draft's last 50 changes, newest first."""

    @extend_schema(operation_id="agents_revisions_list", responses=RevisionSerializer(many=True))
    def get(self, request: Request, agent_id: UUID) -> Response:
        found = [
            {"number": one.number, "fields": one.fields, "user_id": one.user_id, "created_at": one.created_at}
            for one in selectors.revisions(actor_of(request), agent_id)
        ]
        return Response({"results": found, "next": None, "previous": None})


class DifferencesView(APIView):
    """What is different between two versions (`before`, `after`); 0, the default, is the draft."""

    @extend_schema(
        operation_id="agents_differences_list",
        parameters=[OpenApiParameter("before", int), OpenApiParameter("after", int)],
        responses=DifferenceSerializer(many=True),
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        states = _StatesSerializer(data=request.query_params)
        states.is_valid(raise_exception=True)
        found = selectors.version_differences(actor_of(request), agent_id, **states.validated_data)
        return Response({"results": [one.as_json() for one in found], "next": None, "previous": None})


class RestoreView(APIView):
    """Make the draft what a version is."""

    @extend_schema(request=RestoreSerializer, responses=AgentSerializer)
    def post(self, request: Request, agent_id: UUID) -> Response:
        data = RestoreSerializer(data=request.data)
        actor = actor_of(request)
        selectors.agent(actor, agent_id)
        data.is_valid(raise_exception=True)
        restored = services.restore_version(actor=actor, agent_id=agent_id, **data.validated_data)
        return Response(AgentSerializer(restored).data)
