"""Assets and the marketplace."""

from __future__ import annotations

from collections.abc import Iterator

from sahara.models import Asset, Licence, Lineage, Listing, Money, Purchase, Sale, Verification
from sahara.resources.base import Id, Resource


class AssetsResource(Resource):
    """The registry of datasets, models, knowledge bases and agents."""

    def list(self, *, kind: str | None = None) -> Iterator[Asset]:
        """The organisation's assets, newest first."""
        return (Asset.model_validate(row) for row in self.transport.pages("assets/", kind=kind))

    def get(self, asset_id: Id) -> Asset:
        """An asset with its versions and their chain proof."""
        return Asset.model_validate(self.transport.get(f"assets/{asset_id}/"))

    def lineage(self, asset_id: Id, *, version: int | None = None) -> Lineage:
        """What a version (the newest where left out) was built on, and who is paid when it earns."""
        return Lineage.model_validate(self.transport.get(f"assets/{asset_id}/lineage/", version=version))

    def verify(self, asset_id: Id, *, version: int | None = None) -> Verification:
        """Recompute a version's hashes and compare them with the record and the chain."""
        return Verification.model_validate(self.transport.get(f"assets/{asset_id}/verify/", version=version))


class MarketplaceResource(Resource):
    """Offers, licences, sales."""

    def search(
        self, text: str = "", *, kind: str | None = None, max_price_minor: int | None = None
    ) -> Iterator[Listing]:
        """Active offers, newest first."""
        rows = self.transport.pages("listings/", q=text or None, kind=kind, max_price_minor=max_price_minor)
        return (Listing.model_validate(row) for row in rows)

    def get(self, listing_id: Id) -> Listing:
        """One offer, with the exact split of its price."""
        return Listing.model_validate(self.transport.get(f"listings/{listing_id}/"))

    def offer(
        self,
        asset_id: Id,
        *,
        price_minor: int,
        terms: str = "use-internal-1",
        period_days: int | None = None,
        royalty_bps: int = 0,
    ) -> Listing:
        """Offer licences of an own asset, or change the offer."""
        body = {
            "asset_id": str(asset_id),
            "price": {"amount_minor": str(price_minor), "currency": "USD"},
            "terms": terms,
            "period_days": period_days,
            "royalty_bps": royalty_bps,
        }
        return Listing.model_validate(self.transport.post("listings/", body))

    def withdraw_offer(self, listing_id: Id) -> Listing:
        """Take an offer back; licences that were sold stay."""
        return Listing.model_validate(self.transport.request("DELETE", f"listings/{listing_id}/").json())

    def buy(self, listing_id: Id, *, agreed_price: Money | None = None, idempotency_key: str | None = None) -> Purchase:
        """Buy a licence. PaymentRequired says how much is missing; Conflict that it is held already."""
        body = {}
        if agreed_price is not None:
            amount = {"amount_minor": str(agreed_price.amount_minor), "currency": agreed_price.currency}
            body["agreed_price"] = amount
        path = f"listings/{listing_id}/purchase/"
        return Purchase.model_validate(self.transport.post(path, body, idempotency_key=idempotency_key))

    def licences(self) -> Iterator[Licence]:
        """Licences that the organisation bought, newest first."""
        return (Licence.model_validate(row) for row in self.transport.pages("licences/"))

    def sales(self) -> Iterator[Sale]:
        """What the organisation sold, newest first, with the split of each price."""
        return (Sale.model_validate(row) for row in self.transport.pages("sales/"))
