"""The widget of an agent by the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents import selectors, services
from apps.agents.wire import widget_tag
from apps.core.errors import NotFound
from apps.tenancy.actors import actor_of


class WidgetSerializer(serializers.Serializer[Any]):
    """Where an agent's chat may stand, the key that its visitors' questions count on, and the tag to copy."""

    origins = serializers.ListField(child=serializers.CharField(max_length=200), min_length=1, max_length=20)
    key_id = serializers.CharField(read_only=True)
    tag = serializers.CharField(read_only=True)


class WidgetView(APIView):
    """PUT makes the widget or changes its origins, DELETE ends it and its key."""

    @extend_schema(responses=WidgetSerializer)
    def get(self, request: Request, agent_id: UUID) -> Response:
        actor = actor_of(request)
        widget = selectors.widget_of(actor, agent_id)
        if widget is None:
            raise NotFound("widget_not_found", "This agent has no widget.")
        tag = widget_tag(selectors.agent(actor, agent_id).slug)
        shown = {"origins": widget.origins, "key_id": widget.key_id, "tag": tag}
        return Response(WidgetSerializer(shown).data)

    @extend_schema(request=WidgetSerializer, responses=WidgetSerializer)
    def put(self, request: Request, agent_id: UUID) -> Response:
        data = WidgetSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        services.set_widget(actor=actor_of(request), agent_id=agent_id, origins=data.validated_data["origins"])
        return self.get(request, agent_id)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, agent_id: UUID) -> Response:
        services.remove_widget(actor=actor_of(request), agent_id=agent_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
