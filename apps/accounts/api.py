"""API of the caller's own account and wallet.

Sign-up and sign-in are django-allauth's headless API (`/_allauth/app/v1/`).
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import selectors, services
from apps.tenancy import selectors as tenancy
from apps.tenancy.actors import actor_of


class MeSerializer(serializers.Serializer[Any]):
    """The caller."""

    user_id = serializers.UUIDField(allow_null=True)
    organisation_id = serializers.UUIDField()
    organisation = serializers.CharField()
    role = serializers.CharField()
    is_guest = serializers.BooleanField()


class WalletSerializer(serializers.Serializer[Any]):
    """The payout wallet."""

    address = serializers.CharField(allow_null=True)


class MeView(APIView):
    """Who am I, and for which organisation do I act?"""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        actor = actor_of(request)
        return Response(
            {
                "user_id": actor.user_id,
                "organisation_id": actor.organisation_id,
                "organisation": tenancy.organisation(actor.organisation_id).name,
                "role": actor.role,
                "is_guest": actor.is_guest,
            }
        )


class WalletView(APIView):
    """The EVM address that the organisation is paid out to."""

    @extend_schema(responses=WalletSerializer)
    def get(self, request: Request) -> Response:
        return Response({"address": selectors.wallet_address(actor_of(request).organisation_id)})

    @extend_schema(request=WalletSerializer, responses=WalletSerializer)
    def put(self, request: Request) -> Response:
        data = WalletSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        address = services.set_wallet(actor=actor_of(request), address=data.validated_data["address"] or "")
        return Response({"address": address})
