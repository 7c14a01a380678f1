"""The OpenAI-compatible API: `/v1/chat/completions` and `/v1/models`, with an agent's slug as the model."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents import selectors, services, wire
from apps.agents.api.openai_base import OpenAIView
from apps.agents.errors import unsupported
from apps.agents.types import PublicAgent
from apps.agents.wishes import CallWishes, checked_format, checked_instructions, checked_seed, checked_stop
from apps.core.ids import uuid7
from apps.tenancy.actors import actor_of

#: What would change the answer in a way that agents cannot; anything else that is not known is ignored.
REFUSED = {
    "tools": "Agents choose their tools themselves; leave out `tools`.",
    "functions": "Agents choose their tools themselves; leave out `functions`.",
    "logprobs": "Agents do not tell probabilities.",
    "audio": "Agents answer in text.",
}


class ChatCompletionRequestSerializer(serializers.Serializer[Any]):
    """The part of OpenAI's request that agents understand."""

    model = serializers.CharField(max_length=120, help_text="slug of the agent")
    messages = serializers.ListField(child=serializers.DictField(), allow_empty=False, max_length=200)
    stream = serializers.BooleanField(default=False, allow_null=True)
    stream_options = serializers.DictField(required=False, allow_null=True)
    max_tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    max_completion_tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    temperature = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=2)
    top_p = serializers.FloatField(required=False, allow_null=True, min_value=0.001, max_value=1)
    seed = serializers.IntegerField(required=False, allow_null=True)
    stop = serializers.JSONField(required=False, allow_null=True, help_text="a string or up to four")
    n = serializers.IntegerField(required=False, allow_null=True)
    response_format = serializers.DictField(required=False, allow_null=True)
    user = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=512, help_text="who asks, in your own words"
    )
    safety_identifier = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=512, help_text="OpenAI's newer name of `user`"
    )


class PublishedModelSerializer(serializers.Serializer[Any]):
    """An agent as a model."""

    id = serializers.CharField()
    object = serializers.CharField()
    created = serializers.IntegerField()
    owned_by = serializers.CharField()


class ChatCompletionsView(OpenAIView):
    """Ask an agent."""

    @extend_schema(request=ChatCompletionRequestSerializer, responses={(200, "application/json"): dict})
    def post(self, request: Request) -> HttpResponseBase:
        data = ChatCompletionRequestSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = data.validated_data
        refuse(request.data)
        if wanted.get("n") not in (None, 1):
            raise unsupported("n", "An agent gives one answer; n is 1.")
        history, question = wire.conversation(wanted["messages"])
        actor = actor_of(request)
        visitor = selectors.visitor_of_call(actor, named_user(wanted))
        target = _wishes(wanted).applied(selectors.published_target(actor, wanted["model"], visitor))
        identifier = f"chatcmpl-{uuid7().hex}"
        if not wanted["stream"]:
            finished = services.answer(actor=actor, target=target, question=question, history=history)
            return Response(wire.completion(identifier, target, finished.answer))
        stream = services.stream_answer(
            services.begin_answer(actor=actor, target=target, question=question, history=history)
        )
        include_usage = bool((wanted.get("stream_options") or {}).get("include_usage"))
        return wire.event_stream(wire.completion_chunks(stream, identifier, target, include_usage=include_usage))


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


def refuse(data: object) -> None:
    """Refuse what an agent cannot do, rather than answer as if it had.

    Raises:
        InvalidInput: naming the parameter.
    """
    for field, message in REFUSED.items():
        if isinstance(data, dict) and data.get(field):
            raise unsupported(field, message)


def named_user(wanted: dict[str, Any]) -> str:
    """Who asks, in the caller's words: the same one gets the same version in an A/B test."""
    return wanted.get("safety_identifier") or wanted.get("user") or ""


def _wishes(wanted: dict[str, Any]) -> CallWishes:
    return CallWishes(
        instructions=checked_instructions(wire.caller_instructions(wanted["messages"]), "messages"),
        max_tokens=wanted.get("max_completion_tokens") or wanted.get("max_tokens"),
        temperature=wanted.get("temperature"),
        top_p=wanted.get("top_p"),
        seed=checked_seed(wanted.get("seed")),
        stop=checked_stop(wanted.get("stop")),
        response_format=checked_format(wanted.get("response_format"), "response_format"),
    )


def _model(agent: PublicAgent) -> dict[str, Any]:
    return {
        "id": agent.slug,
        "object": "model",
        "created": int(agent.published_at.timestamp()),
        "owned_by": str(agent.organisation_id),
        "name": agent.name,
        "description": agent.job,
    }
