"""API of what others may have of a knowledge base: `/api/v1/knowledge-bases/<id>/privacy/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.knowledge import selectors, services
from apps.tenancy.actors import actor_of


class PrivacySerializer(serializers.Serializer[Any]):
    """How much readers through agents may have: letters of one run, percent of one document over all answers."""

    longest_quote = serializers.IntegerField()
    document_percent = serializers.IntegerField()
    canaries = serializers.SerializerMethodField()

    def get_canaries(self, rules: Any) -> int:
        """How many canary documents were planted."""
        return len(rules.canaries)


class CanarySerializer(serializers.Serializer[Any]):
    """A planted canary."""

    document_id = serializers.UUIDField(source="id")


class ShreddedSerializer(serializers.Serializer[Any]):
    """How many documents there were."""

    documents = serializers.IntegerField()


class PrivacyView(APIView):
    """The rules of one knowledge base."""

    @extend_schema(responses=PrivacySerializer)
    def get(self, request: Request, knowledge_base_id: UUID) -> Response:
        return Response(PrivacySerializer(selectors.privacy(actor_of(request), knowledge_base_id)).data)

    @extend_schema(request=PrivacySerializer, responses=PrivacySerializer)
    def put(self, request: Request, knowledge_base_id: UUID) -> Response:
        data = PrivacySerializer(data=request.data)
        data.is_valid(raise_exception=True)
        rules = services.set_privacy(
            actor=actor_of(request), knowledge_base_id=knowledge_base_id, **data.validated_data
        )
        return Response(PrivacySerializer(rules).data)


class ShredView(APIView):
    """All documents, for good."""

    @extend_schema(request=None, responses=ShreddedSerializer)
    def post(self, request: Request, knowledge_base_id: UUID) -> Response:
        count = services.shred_base(actor=actor_of(request), knowledge_base_id=knowledge_base_id)
        return Response(ShreddedSerializer({"documents": count}).data)


class CanariesView(APIView):
    """Canary documents."""

    @extend_schema(request=None, responses={201: CanarySerializer})
    def post(self, request: Request, knowledge_base_id: UUID) -> Response:
        added = services.plant_canary(actor=actor_of(request), knowledge_base_id=knowledge_base_id)
        return Response(CanarySerializer(added).data, status=status.HTTP_201_CREATED)
