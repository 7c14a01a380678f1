"""The page and the API of shares: create, send, offer, buy; and what is said when it cannot be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.assets import selectors as assets
from apps.assets.services.custody import MOVE_KIND
from apps.core import outbox
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.explanations import explain
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.marketplace import selectors, services
from apps.marketplace.models import ShareTrade
from apps.onchain.events import TransactionFailed
from apps.onchain.holders import address_of, custodial_address
from apps.tenancy.selectors import organisation
from tests.apps.assets.chain_events import NOBODY, Chain, fresh_wallet, know_the_contracts

pytestmark = pytest.mark.django_db

MakeListing = Callable[..., Any]


@pytest.fixture
def chain() -> Chain:
    know_the_contracts()
    return Chain()


@pytest.fixture
def seller(make_actor: Callable[..., Any]) -> Any:
    return make_actor(name="Seller")


@pytest.fixture
def asset(seller: Any, chain: Chain, make_listing: MakeListing) -> Any:
    """An offered asset, registered, its token at the seller's custodial address."""
    found = assets.asset(make_listing(seller).asset_id)
    version = assets.latest_version(found.id)
    assert version is not None
    chain.moves_token(found, NOBODY, custodial_address(seller.organisation_id))
    facts = {"id": found.token_id, "version": 1, "contentRoot": version.content_root}
    chain.says(chain.event("AssetRegistry", "VersionAdded", facts | {"metadataHash": version.metadata_hash}))
    return found


def page(client: Any, asset: Any) -> str:
    response = client.get(f"/marketplace/assets/{asset.id}/shares/")
    assert response.status_code == 200
    return str(response.content.decode())


def test_the_owner_creates_shares_and_the_page_shows_their_holders(
    seller: Any, asset: Any, chain: Chain, client_for: Any, client: Any
) -> None:
    own = client_for(seller)
    assert "Create shares" in page(own, asset)
    assert "Create shares" not in page(client, asset)
    own.post(f"/marketplace/assets/{asset.id}/shares/create/", {"supply": "100"})
    assert "being created" in page(own, asset)
    chain.creates_shares(asset, custodial_address(seller.organisation_id), 100)
    chain.moves_shares(asset, custodial_address(seller.organisation_id), fresh_wallet(), 25)
    shown = page(client, asset)
    assert "75 %" in shown
    assert "A wallet that nobody here has linked" in shown


def test_shares_are_sent_to_an_organisation_by_its_short_name_and_mistakes_are_told(
    seller: Any, asset: Any, chain: Chain, client_for: Any, make_actor: Any
) -> None:
    receiver = organisation(make_actor(name="Receiver").organisation_id)
    chain.creates_shares(asset, custodial_address(seller.organisation_id), 100)
    own, url = client_for(seller), f"/marketplace/assets/{asset.id}/shares/send/"
    for data, told in (
        ({"units": "5", "receiver": "nobody-at-all"}, "no organisation with this short name"),
        ({"units": "500", "receiver": receiver.slug}, "Between 1 and 100"),
        ({"units": "5", "to_wallet": "1"}, "Link a wallet"),
        ({"units": "5", "receiver": receiver.slug}, "on their way"),
    ):
        assert told in own.post(url, data, follow=True).content.decode()
    with tenant_scope(seller.organisation_id):
        [move] = assets.custody_moves(seller, asset.id, contract="AssetShares")
    assert (move.units, move.to_address) == (5, address_of(receiver.id))


def test_shares_are_bought_from_an_offer_with_the_money_set_aside(
    seller: Any, asset: Any, chain: Chain, client_for: Any, make_actor: Any, fund: Any
) -> None:
    buyer = make_actor(name="Buyer")
    chain.creates_shares(asset, custodial_address(seller.organisation_id), 100)
    client_for(seller).post(f"/marketplace/assets/{asset.id}/shares/offer/", {"units": "50", "price": "0.20"})
    [offer] = selectors.share_offers(asset.id)
    assert (offer.units_left, offer.unit_price) == (50, Money(20))
    browser, url = client_for(buyer), f"/marketplace/assets/{asset.id}/shares/{offer.id}/buy/"
    data = {"units": "10", "unit_price_minor": "20", "key": "01930000-0000-7000-8000-000000000001"}
    assert "top up" in browser.post(url, data, follow=True).content.decode()
    fund(buyer.organisation_id, 1_000)
    assert "price is now" in browser.post(url, data | {"unit_price_minor": "19"}, follow=True).content.decode()
    for _ in range(2):
        browser.post(url, data)
    with tenant_scope(buyer.organisation_id):
        [trade] = selectors.share_trades(buyer, asset.id)
    assert (trade.units, trade.price, trade.state) == (10, Money(200), "pending")
    [offer] = selectors.share_offers(asset.id)
    assert offer.units_left == 40
    assert "Bought 10" in page(browser, asset)


def refuse_the_trade(buyer: Any, asset: Any) -> None:
    """The chain says that the shares of the buyer's newest trade could not be delivered."""
    with tenant_scope(buyer.organisation_id):
        move_id = ShareTrade.objects.order_by("-id")[0].move_id
    refused = TransactionFailed(uuid7(), MOVE_KIND, f"{MOVE_KIND}:{move_id}", "the receiver refuses shares")
    outbox.publish(refused, tenant_id=asset.owner_id)
    outbox.drain()
    services.settle_trade(move_id=move_id, failure="told once more")


def test_a_buyer_who_refuses_the_shares_does_not_use_up_the_offer(
    seller: Any, asset: Any, chain: Chain, make_actor: Any, fund: Any
) -> None:
    buyer = make_actor(name="Buyer")
    fund(buyer.organisation_id, 1_000)
    chain.creates_shares(asset, custodial_address(seller.organisation_id), 100)
    with tenant_scope(seller.organisation_id):
        offer = services.offer_shares(actor=seller, asset_id=asset.id, units=50, unit_price=Money(10))

    def buy(units: int) -> None:
        with tenant_scope(buyer.organisation_id):
            services.buy_shares(actor=buyer, offer_id=offer.id, units=units, idempotency_key=str(uuid7()))

    buy(50)
    assert selectors.share_offers(asset.id) == []
    refuse_the_trade(buyer, asset)
    assert [one.units_left for one in selectors.share_offers(asset.id)] == [50]

    buy(20)
    with tenant_scope(seller.organisation_id):
        services.offer_shares(actor=seller, asset_id=asset.id, units=40, unit_price=Money(10))
    refuse_the_trade(buyer, asset)  # the seller has said since that 40 are for sale
    assert [one.units_left for one in selectors.share_offers(asset.id)] == [40]

    buy(10)
    with tenant_scope(seller.organisation_id):
        services.withdraw_share_offer(actor=seller, offer_id=offer.id)
    refuse_the_trade(buyer, asset)
    assert selectors.share_offers(asset.id) == []
    cash = ledger.balance(AccountRef(buyer.organisation_id, AccountKind.CASH, "USD"))
    assert (cash.held, cash.posted) == (Money(0), Money(1_000))


def test_a_purchase_of_shares_locks_the_asset_before_the_money(
    seller: Any, asset: Any, chain: Chain, make_actor: Any, fund: Any
) -> None:
    """As the purchase of a licence does, so that neither of two at once waits for the other."""
    buyer = make_actor(name="Buyer")
    fund(buyer.organisation_id, 1_000)
    chain.creates_shares(asset, custodial_address(seller.organisation_id), 100)
    with tenant_scope(seller.organisation_id):
        offer = services.offer_shares(actor=seller, asset_id=asset.id, units=50, unit_price=Money(10))
    with CaptureQueriesContext(connection) as asked, tenant_scope(buyer.organisation_id):
        services.buy_shares(actor=buyer, offer_id=offer.id, units=1, idempotency_key="order")
    statements = [query["sql"] for query in asked.captured_queries]
    locks_asset = next(i for i, sql in enumerate(statements) if '"assets_asset"' in sql and "FOR " in sql)
    locks_money = next(i for i, sql in enumerate(statements) if "ledger_place_hold" in sql)
    assert locks_asset < locks_money


def test_the_api_does_the_same(seller: Any, asset: Any, chain: Chain, api_for: Any, make_actor: Any, fund: Any) -> None:
    buyer = make_actor(name="Buyer")
    fund(buyer.organisation_id, 1_000)
    own, other = api_for(seller), api_for(buyer)
    assert own.post(f"/api/v1/assets/{asset.id}/shares/", {"supply": 10}, format="json").status_code == 202
    assert other.post(f"/api/v1/assets/{asset.id}/shares/", {"supply": 10}, format="json").status_code == 404
    chain.creates_shares(asset, custodial_address(seller.organisation_id), 10)
    assert other.get(f"/api/v1/assets/{asset.id}/shares/").json()["holdings"][0]["units"] == "10"
    held = other.get(f"/api/v1/assets/{asset.id}/holder/").json()
    assert (held["organisation_id"], held["in_custody"]) == (str(seller.organisation_id), True)
    price = {"amount_minor": 30, "currency": "USD"}
    offers = f"/api/v1/assets/{asset.id}/share-offers/"
    offer = own.post(offers, {"units": 4, "unit_price": price}, format="json").json()
    url = f"{offers}{offer['id']}/purchase/"
    bought = other.post(url, {"units": 4}, format="json", HTTP_IDEMPOTENCY_KEY="once")
    assert (bought.status_code, bought.json()["state"]) == (202, "pending")
    assert other.post(url, {"units": 1}, format="json").json()["code"] in {"shares_gone", "listing_withdrawn"}
    assert own.get(offers).json() == []
    assert other.delete(f"{offers}{offer['id']}/").status_code == 404


def test_every_payment_of_the_marketplace_is_explained_in_words(seller: Any) -> None:
    sale = SourceRef(
        "marketplace.sale", "1", {"rule": "shareholder", "path": ["a", "b"], "weight": "1/4", "asset": "x"}
    )
    lines = dict(explain(sale, seller.organisation_id).lines)
    assert lines["Rule"].startswith("You hold shares of it")
    assert (lines["Steps up the provenance"], lines["Your share"]) == ("1", "1/4")
    price = {"amount_minor": "200", "currency": "USD"}
    trade = SourceRef("marketplace.share_trade", "1", {"asset": "x", "units": "10", "price": price})
    assert explain(trade, seller.organisation_id).lines == (("Shares", "10"), ("Price of them together", "$2.00"))
    kept = SourceRef("assets.escrow", "0xA", {"rule": "escrow"})
    assert ("Wallet", "0xA") in explain(kept, seller.organisation_id).lines


def test_the_licences_page_shows_the_record_on_chain_and_the_sales_page_ends_a_trial(
    seller: Any, chain: Chain, client_for: Any, make_actor: Any, make_listing: MakeListing
) -> None:
    buyer = make_actor(name="Buyer")
    listing = make_listing(seller, cents=0, terms="use-trial-1")
    with tenant_scope(buyer.organisation_id):
        sale = services.buy_licence(actor=buyer, listing_id=listing.id, idempotency_key="k")
    shown = client_for(buyer).get("/marketplace/licences/").content.decode()
    assert "pending" in shown
    assert f"/api/v1/licence-terms/{listing.terms_hash}/" in shown
    own = client_for(seller)
    assert "End this licence" in own.get("/marketplace/sales/").content.decode()
    own.post(f"/marketplace/licences/{sale.licence_id}/revoke/", {"reason": "The trial is over"})
    assert "You ended this licence: The trial is over" in own.get("/marketplace/sales/").content.decode()
    assert "The trial is over" in client_for(buyer).get("/marketplace/licences/").content.decode()
    dashboard = client_for(buyer).get("/dashboard/").content.decode()
    assert listing.name in dashboard
