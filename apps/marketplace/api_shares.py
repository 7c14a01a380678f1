"""API of shares at a price: offers and purchases."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import permissions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.assets import selectors as assets
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.marketplace import selectors, services
from apps.marketplace.api import PriceSerializer
from apps.marketplace.errors import ShareOfferNotFound
from apps.tenancy.actors import actor_of, maybe_actor


class ShareOfferSerializer(serializers.Serializer[Any]):
    """Shares for sale at a price each."""

    id = serializers.UUIDField()
    asset_id = serializers.UUIDField()
    seller_id = serializers.UUIDField()
    seller_name = serializers.CharField()
    units_left = serializers.CharField()
    unit_price = PriceSerializer()
    state = serializers.CharField()
    offered_at = serializers.DateTimeField()


class NewShareOfferSerializer(serializers.Serializer[Any]):
    """How many shares to offer, and for how much each."""

    units = serializers.IntegerField(min_value=1)
    unit_price = PriceSerializer()


class SharePurchaseSerializer(serializers.Serializer[Any]):
    """How many shares to buy; optional: the price of all of them together that the buyer agreed to."""

    units = serializers.IntegerField(min_value=1)
    agreed_price = PriceSerializer(required=False)


class ShareTradeSerializer(serializers.Serializer[Any]):
    """A purchase of shares: pending until they are the buyer's on chain."""

    id = serializers.UUIDField()
    offer_id = serializers.UUIDField()
    asset_id = serializers.UUIDField()
    units = serializers.CharField()
    price = PriceSerializer()
    fee = PriceSerializer()
    state = serializers.CharField()
    failure = serializers.CharField()
    traded_at = serializers.DateTimeField()


class ShareOfferListView(APIView):
    """The offers of an asset's shares; POST makes or changes the own one."""

    def get_permissions(self) -> Any:
        """Anyone may look."""
        return [permissions.AllowAny()] if self.request.method == "GET" else super().get_permissions()

    @extend_schema(responses=ShareOfferSerializer(many=True))
    def get(self, request: Request, asset_id: UUID) -> Response:
        assets.visible_asset(maybe_actor(request), asset_id)
        return Response(ShareOfferSerializer(selectors.share_offers(asset_id), many=True).data)

    @extend_schema(request=NewShareOfferSerializer, responses={201: ShareOfferSerializer})
    def post(self, request: Request, asset_id: UUID) -> Response:
        actor = actor_of(request)
        assets.visible_asset(actor, asset_id)
        data = NewShareOfferSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        price = data.validated_data["unit_price"]
        offer = services.offer_shares(
            actor=actor,
            asset_id=asset_id,
            units=data.validated_data["units"],
            unit_price=Money(price["amount_minor"], price["currency"]),
        )
        return Response(ShareOfferSerializer(offer).data, status=status.HTTP_201_CREATED)


class ShareOfferView(APIView):
    """DELETE takes the own offer back."""

    @extend_schema(request=None, responses=ShareOfferSerializer)
    def delete(self, request: Request, asset_id: UUID, offer_id: UUID) -> Response:
        _check_offer(asset_id, offer_id)
        offer = services.withdraw_share_offer(actor=actor_of(request), offer_id=offer_id)
        return Response(ShareOfferSerializer(offer).data)


class SharePurchaseView(APIView):
    """POST buys shares: the price is set aside until they are the buyer's on chain."""

    @extend_schema(request=SharePurchaseSerializer, responses={202: ShareTradeSerializer})
    def post(self, request: Request, asset_id: UUID, offer_id: UUID) -> Response:
        actor = actor_of(request)
        assets.visible_asset(actor, asset_id)
        _check_offer(asset_id, offer_id)
        data = SharePurchaseSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        agreed = data.validated_data.get("agreed_price")
        trade = services.buy_shares(
            actor=actor,
            offer_id=offer_id,
            units=data.validated_data["units"],
            idempotency_key=request.headers.get("Idempotency-Key") or str(uuid7()),
            agreed_price=Money(agreed["amount_minor"], agreed["currency"]) if agreed else None,
        )
        return Response(ShareTradeSerializer(trade).data, status=status.HTTP_202_ACCEPTED)


def _check_offer(asset_id: UUID, offer_id: UUID) -> None:
    if selectors.share_offer(offer_id).asset_id != asset_id:
        raise ShareOfferNotFound(offer_id)
