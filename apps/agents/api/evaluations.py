"""API of evaluations: `/api/v1/evaluation-sets/` and an agent's evaluations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents import selectors, services
from apps.tenancy.actors import actor_of


class SetSerializer(serializers.Serializer[Any]):
    """A question set. A case has `question` and any of `expected`, `forbidden`, `citation`, `label`, `unknown`,
    `attack`, `max_micro_usd`."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=120)
    cases = serializers.ListField(child=serializers.DictField(), max_length=300)
    created_at = serializers.DateTimeField(read_only=True)


class EvaluationSerializer(serializers.Serializer[Any]):
    """An evaluation: `answered` of `cases` are done; `figures` are there at the end."""

    id = serializers.UUIDField()
    agent_id = serializers.UUIDField()
    set_id = serializers.UUIDField()
    state = serializers.CharField()
    cases = serializers.IntegerField()
    answered = serializers.IntegerField()
    figures = serializers.DictField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class ResultSerializer(serializers.Serializer[Any]):
    """What a case came to; it is good where `problems` is empty."""

    number = serializers.IntegerField()
    is_attack = serializers.BooleanField()
    question = serializers.CharField()
    answer = serializers.CharField()
    problems = serializers.ListField(child=serializers.CharField())
    is_cited = serializers.BooleanField(allow_null=True)
    tokens = serializers.IntegerField()
    micro_usd = serializers.IntegerField()
    seconds = serializers.FloatField()


class StartSerializer(serializers.Serializer[Any]):
    """The set to ask (the one of the draft's checks where left out), and the version, where it is not the draft."""

    set_id = serializers.UUIDField(required=False)
    number = serializers.IntegerField(required=False, min_value=1)


class SetsView(APIView):
    """The organisation's question sets."""

    @extend_schema(operation_id="evaluation_sets_list", responses=SetSerializer(many=True))
    def get(self, request: Request) -> Response:
        found = SetSerializer(selectors.evaluation_sets(actor_of(request)), many=True).data
        return Response({"results": found, "next": None, "previous": None})

    @extend_schema(request=SetSerializer, responses={201: SetSerializer})
    def post(self, request: Request) -> Response:
        data = SetSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        made = services.save_evaluation_set(actor=actor_of(request), **data.validated_data)
        return Response(SetSerializer(made).data, status=status.HTTP_201_CREATED)


class SetView(APIView):
    """One question set."""

    @extend_schema(responses=SetSerializer)
    def get(self, request: Request, evaluation_set_id: UUID) -> Response:
        return Response(SetSerializer(selectors.get_set(actor_of(request), evaluation_set_id)).data)

    @extend_schema(request=SetSerializer, responses=SetSerializer)
    def put(self, request: Request, evaluation_set_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.get_set(actor, evaluation_set_id)
        data = SetSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        made = services.save_evaluation_set(actor=actor, set_id=evaluation_set_id, **data.validated_data)
        return Response(SetSerializer(made).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, evaluation_set_id: UUID) -> Response:
        services.delete_evaluation_set(actor=actor_of(request), set_id=evaluation_set_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class EvaluationsView(APIView):
    """The agent's evaluations; POST evaluates the draft as it is now."""

    @extend_schema(operation_id="agents_evaluations_list", responses=EvaluationSerializer(many=True))
    def get(self, request: Request, agent_id: UUID) -> Response:
        found = EvaluationSerializer(selectors.evaluations(actor_of(request), agent_id), many=True).data
        return Response({"results": found, "next": None, "previous": None})

    @extend_schema(request=StartSerializer, responses={202: EvaluationSerializer})
    def post(self, request: Request, agent_id: UUID) -> Response:
        data = StartSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        begun = services.start_evaluation(actor=actor_of(request), agent_id=agent_id, **data.validated_data)
        return Response(EvaluationSerializer(begun).data, status=status.HTTP_202_ACCEPTED)


class EvaluationView(APIView):
    """One evaluation with its results so far; DELETE stops it."""

    @extend_schema(responses=EvaluationSerializer)
    def get(self, request: Request, agent_id: UUID, evaluation_run_id: UUID) -> Response:
        actor = actor_of(request)
        body = dict(EvaluationSerializer(selectors.evaluation(actor, agent_id, evaluation_run_id)).data)
        results = selectors.evaluation_results(actor, agent_id, evaluation_run_id)
        return Response(body | {"results": ResultSerializer(results, many=True).data})

    @extend_schema(responses=EvaluationSerializer)
    def delete(self, request: Request, agent_id: UUID, evaluation_run_id: UUID) -> Response:
        stopped = services.cancel_evaluation(actor=actor_of(request), agent_id=agent_id, run_id=evaluation_run_id)
        return Response(EvaluationSerializer(stopped).data)
