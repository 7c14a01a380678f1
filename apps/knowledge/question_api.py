"""API of question sets: `/api/v1/knowledge-bases/<id>/question-sets/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.pagination import CursorPage
from apps.knowledge import selectors, services
from apps.tenancy.actors import actor_of


class QuestionMissSerializer(serializers.Serializer[Any]):
    """A question whose document does not come first; `place` is null where it is not found at all."""

    question = serializers.CharField()
    documents = serializers.ListField(child=serializers.CharField())
    found = serializers.ListField(child=serializers.CharField())
    place = serializers.IntegerField(allow_null=True)


class QuestionRunSerializer(serializers.Serializer[Any]):
    """What was found: `figures` has for each mode `queries`, `ndcg_at_10`, `recall_at_10` and `recall_at_100`."""

    id = serializers.UUIDField()
    state = serializers.CharField()
    cause = serializers.CharField()
    figures = serializers.DictField(child=serializers.DictField(child=serializers.FloatField()))
    misses = QuestionMissSerializer(many=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class QuestionSetSerializer(serializers.Serializer[Any]):
    """Questions with known answers, and their last runs, newest first."""

    id = serializers.UUIDField()
    knowledge_base_id = serializers.UUIDField()
    name = serializers.CharField()
    questions = serializers.IntegerField()
    runs = QuestionRunSerializer(many=True)
    created_at = serializers.DateTimeField()


class NewQuestionSetSerializer(serializers.Serializer[Any]):
    """Lines of `question | document` (or a tab, `;` or `,` between), or JSON lines of `question` and `documents`."""

    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    questions = serializers.CharField(max_length=2_000_000, trim_whitespace=False)


class QuestionSetsView(APIView):
    """The question sets of a knowledge base."""

    @extend_schema(operation_id="knowledge_bases_question_sets_list", responses=QuestionSetSerializer(many=True))
    def get(self, request: Request, knowledge_base_id: UUID) -> Response:
        pages = CursorPage()
        rows = selectors.question_set_rows(actor_of(request), knowledge_base_id)
        found = [selectors.question_set_info(row) for row in pages.paginate_queryset(rows, request, view=self) or []]
        return pages.get_paginated_response(QuestionSetSerializer(found, many=True).data)

    @extend_schema(request=NewQuestionSetSerializer, responses={201: QuestionSetSerializer})
    def post(self, request: Request, knowledge_base_id: UUID) -> Response:
        data = NewQuestionSetSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        added = services.add_question_set(
            actor=actor_of(request),
            knowledge_base_id=knowledge_base_id,
            name=data.validated_data["name"],
            text=data.validated_data["questions"],
        )
        return Response(QuestionSetSerializer(added).data, status=status.HTTP_201_CREATED)


class QuestionSetView(APIView):
    """One question set."""

    @extend_schema(responses=QuestionSetSerializer)
    def get(self, request: Request, knowledge_base_id: UUID, set_id: UUID) -> Response:
        found = selectors.question_set_in(actor_of(request), knowledge_base_id, set_id)
        return Response(QuestionSetSerializer(found).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, knowledge_base_id: UUID, set_id: UUID) -> Response:
        services.remove_question_set(actor=actor_of(request), knowledge_base_id=knowledge_base_id, set_id=set_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class QuestionRunsView(APIView):
    """Ask all questions of the knowledge base as it is now."""

    @extend_schema(request=None, responses={201: QuestionSetSerializer})
    def post(self, request: Request, knowledge_base_id: UUID, set_id: UUID) -> Response:
        asked = services.ask_question_set(actor=actor_of(request), knowledge_base_id=knowledge_base_id, set_id=set_id)
        return Response(QuestionSetSerializer(asked).data, status=status.HTTP_201_CREATED)
