"""API of the caller's own account and wallet.

Sign-up and sign-in are django-allauth's headless API (`/_allauth/app/v1/`).
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
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
    """The payout wallet, and the change that waits."""

    address = serializers.CharField(allow_null=True)
    is_proved = serializers.BooleanField(read_only=True)
    pending_address = serializers.CharField(allow_null=True, read_only=True)
    pending_until = serializers.DateTimeField(allow_null=True, read_only=True)


class AddressSerializer(serializers.Serializer[Any]):
    """An EVM address; mixed case must fit the EIP-55 checksum."""

    address = serializers.CharField(max_length=64)


class ChallengeSerializer(serializers.Serializer[Any]):
    """The text of EIP-4361 to be signed with `personal_sign`, to the letter."""

    message = serializers.CharField()
    address = serializers.CharField()
    nonce = serializers.CharField()
    chain_id = serializers.IntegerField()
    expires_at = serializers.DateTimeField()


class SignedMessageSerializer(serializers.Serializer[Any]):
    """The text as it was signed, and the wallet's signature."""

    message = serializers.CharField(max_length=4_000, trim_whitespace=False)
    signature = serializers.CharField(max_length=200)


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
        return Response(_wallet_json(request))

    @extend_schema(request=AddressSerializer, responses=WalletSerializer)
    def put(self, request: Request) -> Response:
        """Set an address without a proof; a change is in force after the wait (`pending_until`)."""
        data = AddressSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        services.set_wallet(actor=actor_of(request), address=data.validated_data["address"])
        return Response(_wallet_json(request))


class WalletChangeView(APIView):
    """The change of the wallet that waits."""

    @extend_schema(request=None, responses=WalletSerializer)
    def delete(self, request: Request) -> Response:
        services.cancel_wallet_change(actor=actor_of(request))
        return Response(_wallet_json(request))


class WalletChallengeView(APIView):
    """Sign-In with Ethereum, first step: a text to sign; good once, for ten minutes."""

    @extend_schema(request=AddressSerializer, responses={201: ChallengeSerializer})
    def post(self, request: Request) -> Response:
        data = AddressSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        challenge = services.issue_challenge(actor=actor_of(request), address=data.validated_data["address"])
        return Response(ChallengeSerializer(challenge).data, status=status.HTTP_201_CREATED)


class WalletVerifyView(APIView):
    """Sign-In with Ethereum, second step: the signature links the wallet."""

    @extend_schema(request=SignedMessageSerializer, responses=WalletSerializer)
    def post(self, request: Request) -> Response:
        data = SignedMessageSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        services.link_wallet(actor=actor_of(request), **data.validated_data)
        return Response(_wallet_json(request))


def _wallet_json(request: Request) -> Any:
    return WalletSerializer(selectors.wallet(actor_of(request).organisation_id)).data
