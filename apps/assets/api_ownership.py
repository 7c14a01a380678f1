"""API of ownership: the token's holder, shares, and proofs of contribution."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import permissions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.assets import selectors, services
from apps.assets.contribution_tree import proof_json
from apps.assets.errors import InvalidShares, NotOnChainYet, VersionNotFound
from apps.tenancy.actors import actor_of, maybe_actor
from apps.tenancy.selectors import organisation_names


class HolderSerializer(serializers.Serializer[Any]):
    """Who holds an asset's token. `organisation_id` is null for a wallet that no account has linked."""

    address = serializers.CharField()
    organisation_id = serializers.UUIDField(allow_null=True)
    organisation_name = serializers.CharField()
    in_custody = serializers.BooleanField()
    since_block = serializers.CharField()
    tx_hash = serializers.CharField()


class CustodyMoveSerializer(serializers.Serializer[Any]):
    """A token or shares on their way out of the platform's custody."""

    id = serializers.UUIDField()
    contract = serializers.CharField()
    from_address = serializers.CharField()
    to_address = serializers.CharField()
    units = serializers.CharField()
    state = serializers.CharField()
    failure = serializers.CharField()
    tx_hash = serializers.CharField()


class ShareHoldingSerializer(serializers.Serializer[Any]):
    """Shares at one address."""

    address = serializers.CharField()
    organisation_id = serializers.UUIDField(allow_null=True)
    organisation_name = serializers.CharField()
    in_custody = serializers.BooleanField()
    units = serializers.CharField()


class ShareIssueSerializer(serializers.Serializer[Any]):
    """The creation of an asset's shares, and who holds them."""

    supply = serializers.CharField()
    state = serializers.CharField()
    failure = serializers.CharField()
    tx_hash = serializers.CharField()


class SharesSerializer(serializers.Serializer[Any]):
    """An asset's shares; `issue` is null where there are none."""

    issue = ShareIssueSerializer(allow_null=True)
    holdings = ShareHoldingSerializer(many=True)


class NewSharesSerializer(serializers.Serializer[Any]):
    """How many shares to divide the owner's part into, for ever."""

    supply = serializers.IntegerField(min_value=1)


class ShareTransferSerializer(serializers.Serializer[Any]):
    """How many shares to send to which organisation."""

    units = serializers.IntegerField(min_value=1)
    to_organisation_id = serializers.UUIDField()


class HolderView(APIView):
    """Who holds the asset's token; POST sends it from the platform's custody to the own wallet."""

    def get_permissions(self) -> Any:
        """Whoever may see the asset may see who holds it."""
        return [permissions.AllowAny()] if self.request.method == "GET" else super().get_permissions()

    @extend_schema(responses=HolderSerializer)
    def get(self, request: Request, asset_id: UUID) -> Response:
        selectors.visible_asset(maybe_actor(request), asset_id)
        holder = selectors.holder(asset_id)
        if holder is None:
            raise NotOnChainYet
        return Response(HolderSerializer(holder).data)

    @extend_schema(request=None, responses={202: CustodyMoveSerializer})
    def post(self, request: Request, asset_id: UUID) -> Response:
        move = services.move_token_to_wallet(actor=actor_of(request), asset_id=asset_id)
        return Response(CustodyMoveSerializer(move).data, status=status.HTTP_202_ACCEPTED)


class SharesView(APIView):
    """The shares of an asset and who holds them; POST creates them, once."""

    def get_permissions(self) -> Any:
        """Whoever may see the asset may see its shares."""
        return [permissions.AllowAny()] if self.request.method == "GET" else super().get_permissions()

    @extend_schema(responses=SharesSerializer)
    def get(self, request: Request, asset_id: UUID) -> Response:
        selectors.visible_asset(maybe_actor(request), asset_id)
        issue = selectors.share_issue(asset_id)
        return Response(
            {
                "issue": ShareIssueSerializer(issue).data if issue else None,
                "holdings": ShareHoldingSerializer(selectors.share_holdings(asset_id), many=True).data,
            }
        )

    @extend_schema(request=NewSharesSerializer, responses={202: ShareIssueSerializer})
    def post(self, request: Request, asset_id: UUID) -> Response:
        actor = actor_of(request)
        data = NewSharesSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        issue = services.create_shares(actor=actor, asset_id=asset_id, supply=data.validated_data["supply"])
        return Response(ShareIssueSerializer(issue).data, status=status.HTTP_202_ACCEPTED)


class ShareTransferView(APIView):
    """POST sends shares from the platform's custody to another organisation, or to the own wallet."""

    @extend_schema(request=ShareTransferSerializer, responses={202: CustodyMoveSerializer})
    def post(self, request: Request, asset_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.visible_asset(actor, asset_id)
        data = ShareTransferSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        receiver = data.validated_data["to_organisation_id"]
        if not organisation_names({receiver}):
            raise InvalidShares("to_organisation_id", "There is no such organisation.")
        move = services.send_shares(
            actor=actor,
            asset_id=asset_id,
            units=data.validated_data["units"],
            to_organisation_id=receiver,
            idempotency_key=request.headers.get("Idempotency-Key", ""),
        )
        return Response(CustodyMoveSerializer(move).data, status=status.HTTP_202_ACCEPTED)


class RoyaltyReleaseSerializer(serializers.Serializer[Any]):
    """What the royalty pool holds for an asset, on its way to the own wallet."""

    id = serializers.UUIDField()
    to_address = serializers.CharField()
    step = serializers.CharField()
    state = serializers.CharField()
    failure = serializers.CharField()
    tx_hash = serializers.CharField()


class RoyaltiesView(APIView):
    """POST brings what the asset has earned on chain to the own wallet; while that is under way it changes nothing."""

    @extend_schema(request=None, responses={202: RoyaltyReleaseSerializer})
    def post(self, request: Request, asset_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.visible_asset(actor, asset_id)
        release = services.release_royalties(actor=actor, asset_id=asset_id)
        return Response(RoyaltyReleaseSerializer(release).data, status=status.HTTP_202_ACCEPTED)


class ContributionProofView(APIView):
    """The proof of the caller's own contribution to a version, for the registry's `isContribution`."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request, asset_id: UUID, number: int) -> Response:
        actor = actor_of(request)
        selectors.visible_asset(actor, asset_id)
        for version in selectors.versions(asset_id):
            if version.number == number:
                return Response(proof_json(selectors.contribution_proof(version.id, actor.organisation_id)))
        raise VersionNotFound(asset_id)
