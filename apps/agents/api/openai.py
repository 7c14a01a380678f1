"""The OpenAI-compatible API: `/v1/chat/completions` and `/v1/models`, with an agent's slug as the model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents import selectors, services, wire
from apps.agents.types import ChatTarget
from apps.core.errors import DomainError, InvalidInput
from apps.core.ids import uuid7
from apps.core.problems import exception_handler
from apps.tenancy.actors import actor_of

_TYPES = {401: "authentication_error", 402: "insufficient_quota", 403: "permission_error", 404: "not_found_error"}


class ChatCompletionRequestSerializer(serializers.Serializer[Any]):
    """The part of OpenAI's request that agents understand; other fields are ignored."""

    model = serializers.CharField(max_length=120, help_text="slug of the agent")
    messages = serializers.ListField(child=serializers.DictField(), allow_empty=False, max_length=200)
    stream = serializers.BooleanField(default=False, allow_null=True)
    stream_options = serializers.DictField(required=False, allow_null=True)
    max_tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    max_completion_tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1)


class PublishedModelSerializer(serializers.Serializer[Any]):
    """An agent as a model."""

    id = serializers.CharField()
    object = serializers.CharField()
    created = serializers.IntegerField()
    owned_by = serializers.CharField()


class OpenAIView(APIView):
    """Errors are problem documents that carry OpenAI's `error` object as well."""

    def get_exception_handler(self) -> Any:
        return openai_exception_handler


class ChatCompletionsView(OpenAIView):
    """Ask an agent."""

    @extend_schema(request=ChatCompletionRequestSerializer, responses={(200, "application/json"): dict})
    def post(self, request: Request) -> HttpResponseBase:
        data = ChatCompletionRequestSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = data.validated_data
        if isinstance(request.data, dict) and request.data.get("tools"):
            raise InvalidInput("unsupported_parameter", "Agents choose their tools themselves; leave out `tools`.")
        history, question = wire.conversation(wanted["messages"])
        actor = actor_of(request)
        target = _limited(selectors.published_target(actor, wanted["model"]), wanted)
        identifier = f"chatcmpl-{uuid7().hex}"
        if not wanted["stream"]:
            finished = services.answer(actor=actor, target=target, question=question, history=history)
            return Response(wire.completion(identifier, target.slug, finished.answer))
        stream = services.stream_answer(
            services.begin_answer(actor=actor, target=target, question=question, history=history)
        )
        include_usage = bool((wanted.get("stream_options") or {}).get("include_usage"))
        return wire.event_stream(wire.completion_chunks(stream, identifier, target.slug, include_usage=include_usage))


class ModelsView(OpenAIView):
    """The agents that the caller may use."""

    @extend_schema(operation_id="openai_models_list", responses={(200, "application/json"): dict})
    def get(self, request: Request) -> Response:
        found = [_model(agent) for agent in selectors.usable_agents(actor_of(request))]
        return Response({"object": "list", "data": found})


class ModelView(OpenAIView):
    """One agent, if the caller may use it."""

    @extend_schema(responses=PublishedModelSerializer)
    def get(self, request: Request, slug: str) -> Response:
        return Response(_model(selectors.access_to(actor_of(request), slug)))


def openai_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """The problem document, with OpenAI's `error` object beside it."""
    response = exception_handler(error, context)
    if response is None or not isinstance(response.data, dict):
        return response
    kind = _TYPES.get(response.status_code, "invalid_request_error" if response.status_code < 500 else "server_error")
    code = error.code if isinstance(error, DomainError) else str(response.data.get("code"))
    extra = error.context if isinstance(error, DomainError) else {}
    response.data["error"] = {
        "message": response.data.get("detail"),
        "type": kind,
        "code": code,
        "param": None,
        **extra,
    }
    return response


def _limited(target: ChatTarget, wanted: dict[str, Any]) -> ChatTarget:
    """A caller may ask for a shorter answer than the agent's own limit, not for a longer one."""
    limit = wanted.get("max_completion_tokens") or wanted.get("max_tokens")
    if not limit:
        return target
    config = replace(target.config, max_answer_tokens=min(limit, target.config.max_answer_tokens))
    return replace(target, config=config)


def _model(agent: Any) -> dict[str, Any]:
    return {
        "id": agent.slug,
        "object": "model",
        "created": int(agent.published_at.timestamp()),
        "owned_by": str(agent.organisation_id),
        "name": agent.name,
        "description": agent.job,
    }
