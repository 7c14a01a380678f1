"""API keys by the API: make, list, change, revoke, and what each was used for."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.tenancy import selectors, services
from apps.tenancy.actors import actor_of
from apps.tenancy.models import ApiKey
from apps.tenancy.types import KeyScope, KeyWishes

_LIMITS = ("requests_per_minute", "requests_per_day", "tokens_per_month")


class ApiKeySerializer(serializers.Serializer[Any]):
    """A key, without its secret. A limit that is null does not apply; `agent_ids` null means all agents."""

    id = serializers.CharField(read_only=True)
    name = serializers.CharField(max_length=50)
    prefix = serializers.CharField(read_only=True)
    created = serializers.DateTimeField(read_only=True)
    last_used_at = serializers.DateTimeField(read_only=True)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=KeyScope.choices), required=False, allow_empty=False
    )
    agent_ids = serializers.ListField(child=serializers.UUIDField(), required=False, allow_null=True, max_length=200)
    requests_per_minute = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    requests_per_day = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    tokens_per_month = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    expires_at = serializers.DateTimeField(source="expiry_date", required=False, allow_null=True)

    def wishes(self, before: ApiKey | None = None) -> KeyWishes:
        """What the valid data ask for; what is left out stays as it was `before`."""
        data = self.validated_data
        kept: dict[str, Any] = {}
        if before is not None:
            kept = {name: getattr(before, name) for name in ("name", "scopes", "agent_ids", "expiry_date", *_LIMITS)}
        found = {"name": "", "scopes": list(KeyScope)} | kept | dict(data)
        agents = found.get("agent_ids")
        return KeyWishes(
            name=found["name"],
            scopes=tuple(KeyScope(scope) for scope in found["scopes"]),
            agent_ids=None if agents is None else tuple(agents),
            expires_at=found.get("expiry_date"),
            **{name: found.get(name) for name in _LIMITS},
        )


class IssuedApiKeySerializer(serializers.Serializer[Any]):
    """A fresh key; the secret is shown this once."""

    id = serializers.CharField()
    name = serializers.CharField()
    secret = serializers.CharField()


class ApiKeyUsageSerializer(serializers.Serializer[Any]):
    """What a key was used for, by UTC days."""

    requests_today = serializers.IntegerField()
    requests_month = serializers.IntegerField()
    tokens_month = serializers.IntegerField()
    days = serializers.SerializerMethodField()

    def get_days(self, usage: Any) -> list[dict[str, Any]]:
        """Calls of each of the last days with any, newest first."""
        return [{"day": day.isoformat(), "requests": requests} for day, requests in usage.days]


class ApiKeyListView(generics.ListAPIView[Any]):
    """The caller's keys; POST issues one and shows its secret once."""

    serializer_class = ApiKeySerializer
    pagination_class = None

    def get_queryset(self) -> Any:
        return selectors.api_keys(actor_of(self.request))

    @extend_schema(request=ApiKeySerializer, responses={201: IssuedApiKeySerializer})
    def post(self, request: Request) -> Response:
        data = ApiKeySerializer(data=request.data)
        data.is_valid(raise_exception=True)
        wishes = data.wishes()
        issued = services.issue_api_key(actor=actor_of(request), name=wishes.name, wishes=wishes)
        return Response(IssuedApiKeySerializer(issued).data, status=status.HTTP_201_CREATED)


class ApiKeyView(APIView):
    """One key: PATCH changes its limits, DELETE revokes it."""

    @extend_schema(responses=ApiKeySerializer)
    def get(self, request: Request, key_id: str) -> Response:
        return Response(ApiKeySerializer(selectors.api_key(actor_of(request), key_id)).data)

    @extend_schema(request=ApiKeySerializer, responses=ApiKeySerializer)
    def patch(self, request: Request, key_id: str) -> Response:
        actor = actor_of(request)
        before = selectors.api_key(actor, key_id)
        data = ApiKeySerializer(data=request.data, partial=True)
        data.is_valid(raise_exception=True)
        services.change_api_key(actor=actor, key_id=key_id, wishes=data.wishes(before))
        return Response(ApiKeySerializer(selectors.api_key(actor, key_id)).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, key_id: str) -> Response:
        services.revoke_api_key(actor=actor_of(request), key_id=key_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ApiKeyUsageView(APIView):
    """What a key was used for."""

    @extend_schema(responses=ApiKeyUsageSerializer)
    def get(self, request: Request, key_id: str) -> Response:
        return Response(ApiKeyUsageSerializer(selectors.api_key_usage(actor_of(request), key_id)).data)
