"""API of answers that were given, and of how sure an agent must be to give one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents import selectors, services
from apps.agents.replaying import Replay
from apps.agents.services import KnownQuestion
from apps.tenancy.actors import actor_of


class ReplayRequestSerializer(serializers.Serializer[Any]):
    """Whether with the version that gave the answer, or as the agent is now."""

    as_pinned = serializers.BooleanField(default=True)


class ReplayChangeSerializer(serializers.Serializer[Any]):
    """One thing that is different."""

    what = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class ReplaySourceSerializer(serializers.Serializer[Any]):
    """A source of either answer: kept, moved, gone, removed (its document) or new."""

    state = serializers.CharField()
    place = serializers.CharField()
    quote = serializers.CharField()
    document_id = serializers.UUIDField()


class ReplaySerializer(serializers.Serializer[Any]):
    """An old answer, the new one, and why they differ."""

    message_id = serializers.UUIDField()
    question = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()
    is_same = serializers.BooleanField()
    is_as_pinned = serializers.BooleanField()
    reason = serializers.CharField()
    changes = ReplayChangeSerializer(many=True)
    sources = ReplaySourceSerializer(many=True)


class ReplayView(APIView):
    """Answer the question of a stored answer again."""

    @extend_schema(request=ReplayRequestSerializer, responses=ReplaySerializer)
    def post(self, request: Request, message_id: UUID) -> Response:
        selectors.stored_answer(actor_of(request), message_id)
        data = ReplayRequestSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        found = services.replay_answer(actor=actor_of(request), message_id=message_id, **data.validated_data)
        return Response(ReplaySerializer(_plain(found)).data)


class KnownQuestionSerializer(serializers.Serializer[Any]):
    """A question, and whether the agent's documents answer it."""

    question = serializers.CharField(max_length=2000)
    answerable = serializers.BooleanField(default=True)


class CalibrateSerializer(serializers.Serializer[Any]):
    """5 to 200 questions; unanswerable ones are made where none is given."""

    questions = KnownQuestionSerializer(many=True)


class CalibrationSerializer(serializers.Serializer[Any]):
    """The threshold that the draft has now, and the shares of questions that are answered with it."""

    threshold = serializers.FloatField()
    answered_of_answerable = serializers.FloatField()
    answered_of_unanswerable = serializers.FloatField()
    questions = serializers.IntegerField()
    made_unanswerable = serializers.IntegerField()


class CalibrateView(APIView):
    """Find from which confidence on the agent should answer, and set it in the draft."""

    @extend_schema(request=CalibrateSerializer, responses=CalibrationSerializer)
    def post(self, request: Request, agent_id: UUID) -> Response:
        selectors.agent(actor_of(request), agent_id)  # who may not know of it learns nothing of the body's form
        data = CalibrateSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        known = [KnownQuestion(item["question"], item["answerable"]) for item in data.validated_data["questions"]]
        found = services.calibrate_agent(actor=actor_of(request), agent_id=agent_id, questions=known)
        return Response(CalibrationSerializer(found).data)


def _plain(found: Replay) -> dict[str, Any]:
    sources = [
        {
            "state": item.state,
            "place": item.source.place,
            "quote": item.source.quote,
            "document_id": item.source.document_id,
        }
        for item in found.sources
    ]
    return {**vars(found), "before": found.before.text, "after": found.after.text, "sources": sources} | {
        "is_same": found.is_same
    }
