"""API of skills, annotators' profiles, and what orders ask of annotators."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.money import Money
from apps.labeling import services, uploads
from apps.labeling.api.fields import JsonField
from apps.labeling.api.order_serializers import MoneySerializer
from apps.labeling.api.work import annotator
from apps.labeling.brief import read_design
from apps.labeling.selectors import eligibility as selectors
from apps.labeling.selectors import orders
from apps.tenancy.actors import actor_of, maybe_actor


class RequirementsSerializer(serializers.Serializer[Any]):
    """What an order asks of annotators: all the skills, all the languages, at least the level."""

    skills = serializers.ListField(child=serializers.UUIDField(), default=list)
    languages = serializers.ListField(child=serializers.CharField(max_length=20), default=list, help_text="ISO 639-1")
    level = serializers.IntegerField(default=0, help_text="0 (none) to 4")


class ProfileSerializer(serializers.Serializer[Any]):
    """What an annotator declares, and the level that accepted answers amount to."""

    languages = serializers.ListField(child=serializers.CharField(max_length=20), help_text="ISO 639-1")
    level = serializers.IntegerField(read_only=True)
    accepted = serializers.IntegerField(read_only=True)
    rejected = serializers.IntegerField(read_only=True)


class NewSkillSerializer(serializers.Serializer[Any]):
    """A skill with its questions: `rows` with a value for each input and each control (the known answer)."""

    name = serializers.CharField(max_length=500)
    instruction = serializers.CharField(max_length=10_000)
    rows = serializers.ListField(child=serializers.DictField(), help_text="the questions with their known answers")
    design = JsonField(required=False, help_text="as of an order")
    classes = JsonField(required=False, help_text="instead of a design: the choices of the plain text classification")
    price_minor = serializers.IntegerField(help_text="pay for one right answer")
    drawn = serializers.IntegerField(default=10, help_text="questions in one test")
    pass_percent = serializers.IntegerField(default=80)
    retake_days = serializers.IntegerField(default=7)
    valid_days = serializers.IntegerField(default=365)
    attempts = serializers.IntegerField(default=100, help_text="attempts that are paid for")


class SkillSerializer(serializers.Serializer[Any]):
    """A skill as everybody may see it."""

    id = serializers.UUIDField()
    owner = serializers.CharField()
    name = serializers.CharField()
    instruction = serializers.CharField()
    questions = serializers.IntegerField()
    price_per_label = MoneySerializer()
    pass_percent = serializers.IntegerField()
    retake_days = serializers.IntegerField()
    valid_days = serializers.IntegerField()


class MySkillSerializer(SkillSerializer):
    """The same, with where the caller stands: the order of an attempt in progress, or the last attempt's score."""

    held = serializers.BooleanField()
    order_id = serializers.UUIDField(allow_null=True)
    right = serializers.IntegerField(allow_null=True)
    of = serializers.IntegerField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    retake_at = serializers.DateTimeField(allow_null=True)


class AttemptSerializer(serializers.Serializer[Any]):
    """An attempt: lease its order's tasks and answer them, as of any other order."""

    order_id = serializers.UUIDField()
    questions = serializers.IntegerField()
    expires_at = serializers.DateTimeField()


class SkillListView(generics.GenericAPIView[Any]):
    """Skills that can be taken, and where the caller stands with each; POST makes one of the organisation's."""

    serializer_class = MySkillSerializer
    permission_classes = [AllowAny]
    pagination_class = None

    @extend_schema(responses=MySkillSerializer(many=True))
    def get(self, request: Request) -> Response:
        if maybe_actor(request._request) is None:  # DRF's way to the wrapped request
            return Response({"results": [one.as_json() for one in selectors.open_skills(None)]})
        with annotator(request) as actor:
            return Response({"results": [one.as_json() for one in selectors.open_skills(actor)]})

    @extend_schema(request=NewSkillSerializer, responses={201: SkillSerializer})
    def post(self, request: Request) -> Response:
        actor = actor_of(request)
        given = NewSkillSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = dict(given.validated_data)
        design = data.get("design")
        shown = read_design(design) if design is not None else None
        table = uploads.read_rows(data.pop("rows"), design=shown, with_answers=True)
        price = Money(data.pop("price_minor"))
        made = services.create_skill(actor=actor, table=table, price=price, filename="rows", **data)
        return Response(selectors.skill_info(made, "").as_json(), status=status.HTTP_201_CREATED)


class SkillView(APIView):
    """One skill and where the caller stands with it."""

    @extend_schema(responses=MySkillSerializer)
    def get(self, request: Request, skill_id: UUID) -> Response:
        with annotator(request) as actor:
            return Response(selectors.my_skill(actor, skill_id).as_json())


class TakeSkillView(APIView):
    """Begin the skill's test, or go on with it."""

    @extend_schema(request=None, responses={201: AttemptSerializer})
    def post(self, request: Request, skill_id: UUID) -> Response:
        with annotator(request) as actor:
            attempt = services.take_skill(actor=actor, skill_id=skill_id)
        return Response(AttemptSerializer(attempt).data, status=status.HTTP_201_CREATED)


class EndAttemptView(APIView):
    """End the attempt in progress; what is not answered counts as wrong."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, skill_id: UUID) -> Response:
        with annotator(request) as actor:
            services.end_attempt(actor=actor, skill_id=skill_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ProfileView(APIView):
    """The caller's profile as an annotator; PUT declares languages."""

    @extend_schema(responses=ProfileSerializer)
    def get(self, request: Request) -> Response:
        with annotator(request) as actor:
            return Response(selectors.profile(actor).as_json())

    @extend_schema(request=ProfileSerializer, responses=ProfileSerializer)
    def put(self, request: Request) -> Response:
        given = ProfileSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with annotator(request) as actor:
            found = services.declare_languages(actor=actor, languages=given.validated_data["languages"])
        return Response(found.as_json())


class RequirementsView(APIView):
    """What an order asks of annotators; PUT sets it, for those who come from then on."""

    @extend_schema(responses=RequirementsSerializer)
    def get(self, request: Request, order_id: UUID) -> Response:
        order = orders.order(actor_of(request), order_id)
        return Response(RequirementsSerializer(_whole(order.requirements)).data)

    @extend_schema(request=RequirementsSerializer, responses=RequirementsSerializer)
    def put(self, request: Request, order_id: UUID) -> Response:
        actor = actor_of(request)
        orders.order(actor, order_id)
        given = RequirementsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        order = services.set_requirements(actor=actor, order_id=order_id, **given.validated_data)
        return Response(RequirementsSerializer(_whole(order.requirements)).data)


def _whole(stored: dict[str, Any]) -> dict[str, Any]:
    return {"skills": [], "languages": [], "level": 0} | stored
