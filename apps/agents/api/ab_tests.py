"""API of A/B tests: `/api/v1/agents/<id>/ab-tests/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents import selectors, services
from apps.core.errors import InvalidInput
from apps.tenancy.actors import actor_of


class RateSerializer(serializers.Serializer[Any]):
    """`hits` of `of`; the true rate is between `low` and `high`, at any time of the test, with 95 % confidence."""

    hits = serializers.IntegerField()
    of = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()


class ArmSerializer(serializers.Serializer[Any]):
    """One version; `good` is thumbs up of all thumbs, `abstained` answers that said “I don't know” of all."""

    version = serializers.IntegerField(source="number")
    share = serializers.IntegerField(help_text="per cent of the visitors")
    is_live = serializers.BooleanField()
    conversations = serializers.IntegerField(help_text="calls by themselves count once for each caller")
    answers = serializers.IntegerField()
    good = RateSerializer()
    abstained = RateSerializer()
    failed = serializers.IntegerField()
    mean_micro_usd = serializers.FloatField(allow_null=True, help_text="null where the model's prices are not known")
    first_token_p50_s = serializers.FloatField(allow_null=True)
    first_token_p95_s = serializers.FloatField(allow_null=True)


class AbTestSerializer(serializers.Serializer[Any]):
    """A test. `better` has more thumbs up, `answers_more` abstains less; null while that cannot be told."""

    id = serializers.UUIDField()
    agent_id = serializers.UUIDField()
    state = serializers.CharField()
    arms = ArmSerializer(many=True)
    better = serializers.IntegerField(allow_null=True)
    answers_more = serializers.IntegerField(allow_null=True)
    chosen = serializers.IntegerField(allow_null=True, help_text="the version that went live and so ended the test")
    started_at = serializers.DateTimeField()
    shares_changed_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class ShareSerializer(serializers.Serializer[Any]):
    """A version's part of the visitors; version 0 is the draft, which becomes the next version."""

    version = serializers.IntegerField(min_value=0)
    share = serializers.IntegerField(min_value=0, max_value=100, help_text="per cent")


class VersionSharesSerializer(serializers.Serializer[Any]):
    """Two to four versions; the shares are together 100."""

    arms = ShareSerializer(many=True, allow_empty=False)


class ChooseSerializer(serializers.Serializer[Any]):
    """The version of the test that shall answer everybody."""

    version = serializers.IntegerField(min_value=1)


class AbTestsView(APIView):
    """The agent's A/B tests, newest first; POST starts one."""

    @extend_schema(operation_id="agents_ab_tests_list", responses=AbTestSerializer(many=True))
    def get(self, request: Request, agent_id: UUID) -> Response:
        found = AbTestSerializer(selectors.ab_tests(actor_of(request), agent_id), many=True).data
        return Response({"results": found, "next": None, "previous": None})

    @extend_schema(request=VersionSharesSerializer, responses={201: AbTestSerializer})
    def post(self, request: Request, agent_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.agent(actor, agent_id)
        begun = services.start_ab_test(actor=actor, agent_id=agent_id, shares=_shares(request))
        return Response(AbTestSerializer(begun).data, status=status.HTTP_201_CREATED)


class AbTestView(APIView):
    """One test with its figures; PATCH changes the shares."""

    @extend_schema(responses=AbTestSerializer)
    def get(self, request: Request, agent_id: UUID, ab_test_id: UUID) -> Response:
        return Response(AbTestSerializer(selectors.ab_test(actor_of(request), agent_id, ab_test_id)).data)

    @extend_schema(request=VersionSharesSerializer, responses=AbTestSerializer)
    def patch(self, request: Request, agent_id: UUID, ab_test_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.ab_test(actor, agent_id, ab_test_id)
        changed = services.change_shares(actor=actor, agent_id=agent_id, ab_test_id=ab_test_id, shares=_shares(request))
        return Response(AbTestSerializer(changed).data)


class StopAbTestView(APIView):
    """End a test; the live version answers everybody."""

    @extend_schema(request=None, responses=AbTestSerializer)
    def post(self, request: Request, agent_id: UUID, ab_test_id: UUID) -> Response:
        ended = services.stop_ab_test(actor=actor_of(request), agent_id=agent_id, ab_test_id=ab_test_id)
        return Response(AbTestSerializer(ended).data)


class ChooseVersionView(APIView):
    """End a test and have one of its versions answer everybody."""

    @extend_schema(request=ChooseSerializer, responses=AbTestSerializer)
    def post(self, request: Request, agent_id: UUID, ab_test_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.ab_test(actor, agent_id, ab_test_id)
        data = ChooseSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        ended = services.choose_version(
            actor=actor, agent_id=agent_id, ab_test_id=ab_test_id, number=data.validated_data["version"]
        )
        return Response(AbTestSerializer(ended).data)


def _shares(request: Request) -> dict[int, int]:
    data = VersionSharesSerializer(data=request.data)
    data.is_valid(raise_exception=True)
    arms = data.validated_data["arms"]
    shares = {arm["version"]: arm["share"] for arm in arms}
    if len(shares) < len(arms):
        message = "Name each version once."
        raise InvalidInput("invalid_shares", message, errors=[{"field": "arms", "message": message}])
    return shares
