"""API of the marketplace: offers, purchases, licences, sales."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, permissions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.assets.types import AccessRight, AssetKind
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.marketplace import selectors, services
from apps.marketplace.models import Licence, Listing, Sale
from apps.marketplace.selectors.listings import listing_info
from apps.marketplace.selectors.trades import licence_info, sale_info
from apps.marketplace.terms import TEMPLATES
from apps.marketplace.types import SaleInfo
from apps.tenancy.actors import actor_of


class PriceSerializer(serializers.Serializer[Any]):
    """An amount: integer minor units as a string, and the currency."""

    amount_minor = serializers.IntegerField()
    currency = serializers.CharField(max_length=3, default="USD")

    def to_representation(self, instance: Money) -> dict[str, Any]:
        return instance.as_json()


class TermsSerializer(serializers.Serializer[Any]):
    """A licence template in plain words."""

    code = serializers.CharField()
    right = serializers.CharField()
    title = serializers.CharField()
    may = serializers.ListField(child=serializers.CharField())
    may_not = serializers.ListField(child=serializers.CharField())
    hash = serializers.CharField()


class ListingSerializer(serializers.Serializer[Any]):
    """An offer."""

    id = serializers.UUIDField()
    asset_id = serializers.UUIDField()
    seller_id = serializers.UUIDField()
    seller_name = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()
    summary = serializers.CharField()
    right = serializers.CharField()
    price = PriceSerializer()
    period_days = serializers.IntegerField(allow_null=True)
    terms = serializers.CharField()
    terms_hash = serializers.CharField()
    royalty_bps = serializers.IntegerField()
    state = serializers.CharField()
    listed_at = serializers.DateTimeField()
    on_chain = serializers.BooleanField()
    offer_state = serializers.CharField()


class NewListingSerializer(serializers.Serializer[Any]):
    """What to offer."""

    asset_id = serializers.UUIDField()
    price = PriceSerializer()
    terms = serializers.ChoiceField(choices=list(TEMPLATES))
    period_days = serializers.IntegerField(allow_null=True, required=False, default=None)
    royalty_bps = serializers.IntegerField(required=False, default=0)
    on_chain = serializers.BooleanField(required=False, default=False)


class SplitGroupSerializer(serializers.Serializer[Any]):
    """A part of a price: an owner by name, or the contributors of a version together."""

    party = serializers.CharField()
    rule = serializers.CharField()
    asset_id = serializers.UUIDField()
    asset_name = serializers.CharField()
    payees = serializers.IntegerField()
    amount = PriceSerializer()
    percent = serializers.CharField()


class ListingDetailSerializer(ListingSerializer):
    """An offer with its terms in words and the exact split of its price."""

    terms_in_words = TermsSerializer()
    fee = PriceSerializer()
    split = SplitGroupSerializer(many=True)


class PurchaseSerializer(serializers.Serializer[Any]):
    """Optional: the price that the buyer agreed to; another price now refuses the purchase."""

    agreed_price = PriceSerializer(required=False)


class ChainRecordSerializer(serializers.Serializer[Any]):
    """Where on chain a licence is recorded; `state` is empty for one that was sold before licences were recorded."""

    state = serializers.CharField()
    holder_address = serializers.CharField()
    tx_hash = serializers.CharField()
    block_number = serializers.CharField(allow_null=True)
    failure = serializers.CharField()


class LicenceSerializer(serializers.Serializer[Any]):
    """A right that the organisation bought."""

    id = serializers.UUIDField()
    asset_id = serializers.UUIDField()
    asset_name = serializers.CharField()
    listing_id = serializers.UUIDField()
    seller_id = serializers.UUIDField()
    right = serializers.CharField()
    terms = serializers.CharField()
    price = PriceSerializer()
    starts_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    state = serializers.CharField()
    terms_hash = serializers.CharField()
    origin = serializers.CharField(source="source.value")
    end_reason = serializers.CharField()
    record = ChainRecordSerializer()
    revocation = serializers.CharField()
    revocation_failure = serializers.CharField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return super().to_representation(licence_info(instance) if isinstance(instance, Licence) else instance)


class SaleLineSerializer(serializers.Serializer[Any]):
    """One payment out of a sale; contributors to assets of other owners are not named."""

    payee_id = serializers.CharField(allow_null=True)
    payee_name = serializers.CharField()
    amount = PriceSerializer()
    rule = serializers.CharField()
    role = serializers.CharField()
    path = serializers.ListField(child=serializers.UUIDField())
    weight = serializers.CharField()


class SaleSerializer(serializers.Serializer[Any]):
    """A sale with the split of its price."""

    id = serializers.UUIDField()
    listing_id = serializers.UUIDField()
    asset_id = serializers.UUIDField()
    asset_version_id = serializers.UUIDField()
    buyer_id = serializers.UUIDField()
    price = PriceSerializer()
    fee = PriceSerializer()
    licence_id = serializers.UUIDField()
    sold_at = serializers.DateTimeField()
    settlement = serializers.CharField()
    chain_tx_hash = serializers.CharField()
    is_undone = serializers.BooleanField()
    lines = SaleLineSerializer(many=True)


class PurchasedSerializer(serializers.Serializer[Any]):
    """What a purchase gave."""

    sale_id = serializers.UUIDField()
    licence = LicenceSerializer()


_FILTERS = [
    OpenApiParameter("q", str, description="words of the name, the summary or the seller"),
    OpenApiParameter("kind", str, enum=[kind.value for kind in AssetKind]),
    OpenApiParameter("right", str, enum=[right.value for right in AccessRight]),
    OpenApiParameter("min_price_minor", int),
    OpenApiParameter("max_price_minor", int),
]


class ListingListView(generics.ListAPIView[Listing]):
    """Search the offers; POST makes one of an own asset, or changes it."""

    serializer_class = ListingSerializer

    def get_permissions(self) -> Any:
        """Anyone may look; offering needs an account."""
        return [permissions.AllowAny()] if self.request.method == "GET" else super().get_permissions()

    def get_queryset(self) -> Any:
        return selectors.public_listings(**selectors.listing_filters(self.request.GET.dict()))

    @extend_schema(parameters=_FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(ListingSerializer([listing_info(row) for row in page], many=True).data)

    @extend_schema(request=NewListingSerializer, responses={201: ListingSerializer})
    def post(self, request: Request) -> Response:
        actor = actor_of(request)
        data = NewListingSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        listing = services.list_asset(
            actor=actor,
            asset_id=values["asset_id"],
            price=Money(values["price"]["amount_minor"], values["price"]["currency"]),
            terms=values["terms"],
            period_days=values["period_days"],
            royalty_bps=values["royalty_bps"],
            on_chain=values["on_chain"],
        )
        return Response(ListingSerializer(listing).data, status=status.HTTP_201_CREATED)


class ListingView(APIView):
    """One offer with the split of its price; DELETE takes it back."""

    def get_permissions(self) -> Any:
        """Anyone may look."""
        return [permissions.AllowAny()] if self.request.method == "GET" else super().get_permissions()

    @extend_schema(responses=ListingDetailSerializer)
    def get(self, request: Request, listing_id: UUID) -> Response:
        listing = selectors.listing(listing_id)
        split = selectors.price_split(listing_id)
        return Response(
            ListingSerializer(listing).data
            | {
                "terms_in_words": TermsSerializer(TEMPLATES[listing.terms]).data,
                "fee": split.fee.as_json(),
                "split": SplitGroupSerializer(selectors.split_groups(split), many=True).data,
            }
        )

    @extend_schema(request=None, responses=ListingSerializer)
    def delete(self, request: Request, listing_id: UUID) -> Response:
        return Response(ListingSerializer(services.unlist(actor=actor_of(request), listing_id=listing_id)).data)


class PurchaseView(APIView):
    """POST buys the licence. 402 says how much is missing; 409 when it is held already."""

    @extend_schema(request=PurchaseSerializer, responses={201: PurchasedSerializer})
    def post(self, request: Request, listing_id: UUID) -> Response:
        actor = actor_of(request)
        data = PurchaseSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        agreed = data.validated_data.get("agreed_price")
        sale = services.buy_licence(
            actor=actor,
            listing_id=listing_id,
            idempotency_key=request.headers.get("Idempotency-Key") or str(uuid7()),
            agreed_price=Money(agreed["amount_minor"], agreed["currency"]) if agreed else None,
        )
        licence = selectors.licence(actor, sale.licence_id)
        return Response(
            {"sale_id": str(sale.id), "licence": LicenceSerializer(licence).data}, status=status.HTTP_201_CREATED
        )


class LicenceListView(generics.ListAPIView[Licence]):
    """Licences that the organisation bought, newest first."""

    serializer_class = LicenceSerializer

    def get_queryset(self) -> Any:
        return selectors.licences(actor_of(self.request))


class LicenceView(APIView):
    """One licence, for its buyer and its seller."""

    @extend_schema(responses=LicenceSerializer)
    def get(self, request: Request, licence_id: UUID) -> Response:
        return Response(LicenceSerializer(selectors.licence(actor_of(request), licence_id)).data)


class LicenceRecordView(APIView):
    """POST asks again for the record on chain of an own licence, where it failed."""

    @extend_schema(request=None, responses={202: LicenceSerializer})
    def post(self, request: Request, licence_id: UUID) -> Response:
        licence = services.retry_licence_record(actor=actor_of(request), licence_id=licence_id)
        return Response(LicenceSerializer(licence).data, status=status.HTTP_202_ACCEPTED)


class RevocationSerializer(serializers.Serializer[Any]):
    """Why a licence ends; the buyer reads it."""

    reason = serializers.CharField(max_length=500)


class RevocationView(APIView):
    """POST ends a licence that the organisation has sold, where its terms allow that."""

    @extend_schema(request=RevocationSerializer, responses=LicenceSerializer)
    def post(self, request: Request, licence_id: UUID) -> Response:
        actor = actor_of(request)
        selectors.licence(actor, licence_id)
        data = RevocationSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        licence = services.revoke_licence(actor=actor, licence_id=licence_id, reason=data.validated_data["reason"])
        return Response(LicenceSerializer(licence).data)


class RevocationRecordView(APIView):
    """POST asks the chain once more to end a licence that the organisation has ended, where that has failed."""

    @extend_schema(request=None, responses={202: LicenceSerializer})
    def post(self, request: Request, licence_id: UUID) -> Response:
        licence = services.retry_revocation(actor=actor_of(request), licence_id=licence_id)
        return Response(LicenceSerializer(licence).data, status=status.HTTP_202_ACCEPTED)


class SaleListView(generics.ListAPIView[Sale]):
    """What the organisation sold, newest first, each with the split of its price."""

    serializer_class = SaleSerializer

    def get_queryset(self) -> Any:
        return selectors.sales(actor_of(self.request))

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response([_sale_json(sale_info(row)) for row in page])


class TermsView(APIView):
    """The licence templates, in plain words."""

    permission_classes = [permissions.AllowAny]

    @extend_schema(responses=TermsSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(TermsSerializer(TEMPLATES.values(), many=True).data)


class TermsDocumentView(APIView):
    """The machine-readable terms with this hash: exactly the bytes that Keccak-256 gives the hash of."""

    permission_classes = [permissions.AllowAny]

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request, terms_hash: str) -> HttpResponse:
        """The canonical JSON."""
        return HttpResponse(selectors.terms_document(terms_hash), content_type="application/json")


def _sale_json(sale: SaleInfo) -> dict[str, Any]:
    return SaleSerializer(vars(sale) | {"lines": selectors.sale_line_rows(sale)}).data
