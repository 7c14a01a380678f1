"""OpenAI's `/v1/responses` over agents: create (whole, streamed, in the background), retrieve, cancel, delete."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents import selectors, services, wire
from apps.agents.api.openai import named_user, refuse
from apps.agents.api.openai_base import OpenAIView
from apps.agents.errors import unsupported
from apps.agents.protocols import responses as shapes
from apps.agents.services import ResponseRequest
from apps.agents.wishes import CallWishes, bad_value, checked_format, checked_instructions
from apps.tenancy.actors import actor_of

MAX_METADATA = 16


class ResponseRequestSerializer(serializers.Serializer[Any]):
    """The part of OpenAI's request that agents understand."""

    model = serializers.CharField(max_length=120, help_text="slug of the agent")
    input = serializers.JSONField(help_text="text, or a list of messages")
    instructions = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=8000)
    previous_response_id = serializers.CharField(required=False, allow_null=True, max_length=80)
    stream = serializers.BooleanField(default=False, allow_null=True)
    store = serializers.BooleanField(default=True, allow_null=True)
    background = serializers.BooleanField(default=False, allow_null=True)
    max_output_tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    temperature = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=2)
    top_p = serializers.FloatField(required=False, allow_null=True, min_value=0.001, max_value=1)
    text = serializers.DictField(required=False, allow_null=True)
    user = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=512, help_text="who asks, in your own words"
    )
    safety_identifier = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=512, help_text="OpenAI's newer name of `user`"
    )
    metadata = serializers.DictField(
        child=serializers.CharField(max_length=512, allow_blank=True), required=False, allow_null=True
    )


class ResponsesView(OpenAIView):
    """Ask an agent; the response is kept for 30 days unless `store` is false."""

    @extend_schema(request=ResponseRequestSerializer, responses={(200, "application/json"): dict})
    def post(self, request: Request) -> HttpResponseBase:
        data = ResponseRequestSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        refuse(request.data)
        wanted = _wanted(data.validated_data, request.data)
        actor = actor_of(request)
        if wanted.is_background:
            return Response(shapes.body(services.queue_response(actor=actor, wanted=wanted)))
        if data.validated_data["stream"]:
            return wire.event_stream(services.response_events(services.begin_response(actor=actor, wanted=wanted)))
        return Response(shapes.body(services.answer_response(actor=actor, wanted=wanted)))


class ResponseView(OpenAIView):
    """One response that was kept."""

    @extend_schema(operation_id="openai_response_get", responses={(200, "application/json"): dict})
    def get(self, request: Request, response_id: str) -> Response:
        if request.query_params.get("stream") == "true":
            raise unsupported("stream", "A response that is kept is not streamed again; ask without `stream`.")
        row = selectors.stored_response(actor_of(request), shapes.parse_id(response_id))
        return Response(shapes.body(row))

    @extend_schema(request=None, responses={(200, "application/json"): dict})
    def delete(self, request: Request, response_id: str) -> Response:
        services.delete_response(actor=actor_of(request), response_id=shapes.parse_id(response_id))
        return Response({"id": response_id, "object": "response", "deleted": True}, status=status.HTTP_200_OK)


class CancelResponseView(OpenAIView):
    """Stop a background response."""

    @extend_schema(request=None, responses={(200, "application/json"): dict})
    def post(self, request: Request, response_id: str) -> Response:
        identifier = shapes.parse_id(response_id)
        return Response(shapes.body(services.cancel_response(actor=actor_of(request), response_id=identifier)))


class InputItemsView(OpenAIView):
    """What a response was asked."""

    @extend_schema(operation_id="openai_response_input", responses={(200, "application/json"): dict})
    def get(self, request: Request, response_id: str) -> Response:
        items = shapes.shown_items(selectors.stored_response(actor_of(request), shapes.parse_id(response_id)))
        ends = {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {}
        return Response({"object": "list", "data": items, "has_more": False, **ends})


def _wanted(data: dict[str, Any], raw: Any) -> ResponseRequest:
    if raw.get("conversation") or raw.get("prompt"):
        raise unsupported("conversation", "Continue a conversation by `previous_response_id`.")
    if data["background"] and (data["stream"] or data["store"] is False):
        raise unsupported("background", "A background response is kept and is not streamed; ask for it by its id.")
    metadata = data.get("metadata") or {}
    if len(metadata) > MAX_METADATA:
        raise bad_value("metadata", f"At most {MAX_METADATA} pairs.")
    previous = data.get("previous_response_id")
    return ResponseRequest(
        slug=data["model"],
        items=shapes.input_items(data["input"]),
        instructions=checked_instructions([data.get("instructions") or ""], "instructions"),
        previous_id=shapes.parse_id(previous) if previous else None,
        wishes=CallWishes(
            max_tokens=data.get("max_output_tokens"),
            temperature=data.get("temperature"),
            top_p=data.get("top_p"),
            response_format=checked_format((data.get("text") or {}).get("format"), "text.format"),
        ),
        metadata=metadata,
        user=named_user(data),
        is_kept=data["store"] is not False,
        is_background=bool(data["background"]),
    )
