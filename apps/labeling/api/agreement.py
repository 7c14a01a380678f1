"""API of agreement: how far the annotators of an order agree, question by question."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.labeling.selectors import orders
from apps.labeling.selectors.agreement import order_agreement
from apps.tenancy.actors import actor_of


class QuestionAgreementSerializer(serializers.Serializer[Any]):
    """Agreement on one question; a figure that cannot be told is left out."""

    mean_similarity = serializers.FloatField(required=False, help_text="of two answers to one item, 0 to 1")
    krippendorff_alpha = serializers.FloatField(required=False, help_text="1 is full agreement, 0 what chance gives")
    level = serializers.ChoiceField(choices=["nominal", "ordinal", "interval"], required=False)
    by_class = serializers.DictField(
        child=serializers.FloatField(),
        required=False,
        help_text="how probable another annotator says a class where one does",
    )


class AgreementSerializer(serializers.Serializer[Any]):
    """Agreement in an order, by the name of the question."""

    questions = serializers.DictField(child=QuestionAgreementSerializer())


class AgreementView(APIView):
    """How far annotators agree so far."""

    @extend_schema(responses=AgreementSerializer)
    def get(self, request: Request, order_id: UUID) -> Response:
        return Response({"questions": order_agreement(orders.order(actor_of(request), order_id))})
