"""Ownership, licences and shares on a real chain: what is done here is there, and what is done there is here."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from apps.assets import selectors as assets
from apps.assets import services as asset_services
from apps.assets.types import MoveState, ReleaseStep
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.marketplace import selectors, services
from apps.marketplace.models import Licence, Sale
from apps.marketplace.types import RecordState, Settlement, TradeState
from apps.onchain.holders import address_of, custodial_address
from tests.apps.assets.chain_events import link_wallet
from tests.apps.assets.outside_wallet import OutsideWallet
from tests.apps.onchain.bridge_fixtures import DrivenBridge

pytestmark = pytest.mark.django_db(transaction=True)

MakeListing = Callable[..., Any]
PRICE_RAW = 10_000_000


@pytest.fixture
def seller(driven: DrivenBridge, make_actor: Callable[..., Any]) -> Any:
    return make_actor(name="Seller")


@pytest.fixture
def buyer(driven: DrivenBridge, make_actor: Callable[..., Any], fund: Callable[..., None]) -> Any:
    made = make_actor(name="Buyer")
    fund(made.organisation_id, 50_000)
    return made


def settle(driven: DrivenBridge) -> None:
    """Everything sent, mined, deep enough and followed."""
    driven.settle()
    driven.chain.mine(driven.config.confirmations + 1)
    driven.settle()


def buy(buyer: Any, listing: Any) -> Any:
    with tenant_scope(buyer.organisation_id):
        return services.buy_licence(actor=buyer, listing_id=listing.id, idempotency_key=str(uuid7()))


def earnings(who: Any) -> int:
    return int(ledger.balance(AccountRef(who.organisation_id, AccountKind.EARNINGS, "USD")).posted.minor)  # type: ignore[union-attr]


def read(driven: DrivenBridge, contract: str, function: str, *args: Any) -> Any:
    return driven.chain.gateway.read(driven.chain.contracts[contract], function, list(args))[0]


def is_licensed(driven: DrivenBridge, address: str, token_id: int) -> bool:
    return bool(read(driven, "LicenseBook", "isLicensed", address, token_id, 1))


def agrees(driven: DrivenBridge) -> None:
    """Platform and chain are the same, item by item."""
    assert driven.differences() == []


def test_a_sale_is_a_licence_on_chain_and_a_purchase_there_is_a_licence_here(
    driven: DrivenBridge, seller: Any, buyer: Any, make_actor: Any, make_listing: MakeListing
) -> None:
    settle(driven)
    owner = OutsideWallet(driven.chain)
    link_wallet(seller, owner.address)
    listing = make_listing(seller, period_days=30)
    settle(driven)
    with tenant_scope(seller.organisation_id):
        listing = services.list_asset(
            actor=seller,
            asset_id=listing.asset_id,
            price=listing.price,
            terms=listing.terms,
            period_days=30,
            on_chain=True,
        )
    token_id = assets.asset(listing.asset_id).token_id
    buy(buyer, listing)
    settle(driven)
    home = address_of(buyer.organisation_id)
    assert is_licensed(driven, home, token_id)
    with tenant_scope(buyer.organisation_id):
        [licence] = Licence.objects.all()
    assert (licence.chain_state, licence.holder_address) == (RecordState.RECORDED, home)
    assert selectors.listing(listing.id).offer_state == RecordState.RECORDED

    wallet = OutsideWallet(driven.chain)
    # The test dollars lie with the signer of payouts.
    OutsideWallet(driven.chain, driven.lane("payouts").address).calls(
        "PayoutToken", "transfer", wallet.address, PRICE_RAW
    )
    earned, outsider = earnings(seller), make_actor(name="Outsider")
    wallet.calls("PayoutToken", "approve", driven.chain.contracts["LicenseBook"].address, PRICE_RAW)
    wallet.calls("LicenseBook", "buy", token_id, 1, wallet.address, PRICE_RAW)
    settle(driven)
    assert is_licensed(driven, wallet.address, token_id)
    assert not assets.has_right(outsider.organisation_id, listing.asset_id, "use")
    link_wallet(outsider, wallet.address)
    assert assets.has_right(outsider.organisation_id, listing.asset_id, "use")
    with tenant_scope(seller.organisation_id):
        [sale] = Sale.objects.filter(settlement=Settlement.CHAIN)
    assert (sale.buyer_id, sale.price_minor) == (outsider.organisation_id, 1_000)
    assert earnings(seller) == earned  # the price lies in the royalty pool on chain
    agrees(driven)
    version = assets.latest_version(listing.asset_id)
    assert version is not None
    data_id = next(node.asset_id for node in assets.lineage(version.id).nodes if node.asset_id != listing.asset_id)
    # The data set takes 40 % and its holder asks for it in a second release.
    for asset_id, brought in ((listing.asset_id, 6_000_000), (data_id, PRICE_RAW), (data_id, PRICE_RAW)):
        with tenant_scope(seller.organisation_id):
            first = asset_services.release_royalties(actor=seller, asset_id=asset_id)
            assert asset_services.release_royalties(actor=seller, asset_id=asset_id).id == first.id
        settle(driven)
        settle(driven)
        assert int(read(driven, "PayoutToken", "balanceOf", owner.address)) == brought
    with tenant_scope(seller.organisation_id):
        release, last = assets.royalty_release(seller, listing.asset_id), assets.royalty_release(seller, data_id)
    assert release is not None
    assert last is not None
    assert (release.state, release.step) == (MoveState.CONFIRMED, ReleaseStep.RELEASE)
    assert (last.state, last.failure) == (MoveState.FAILED, "There was nothing to release.")


def test_a_token_that_moves_takes_the_owners_part_along_and_a_reorganisation_brings_it_back(
    driven: DrivenBridge, seller: Any, buyer: Any, make_actor: Any, fund: Any, make_listing: MakeListing
) -> None:
    settle(driven)
    listing = make_listing(seller)
    settle(driven)
    asset_id, token_id = listing.asset_id, assets.asset(listing.asset_id).token_id
    assert driven.owner_of(token_id) == custodial_address(seller.organisation_id)
    owner = OutsideWallet(driven.chain)
    link_wallet(seller, owner.address)
    with tenant_scope(seller.organisation_id):
        asset_services.move_token_to_wallet(actor=seller, asset_id=asset_id)
    settle(driven)
    assert driven.owner_of(token_id) == owner.address
    with tenant_scope(seller.organisation_id):
        [move] = assets.custody_moves(seller, asset_id, contract="AssetRegistry")
    assert move.state == MoveState.CONFIRMED

    stranger = OutsideWallet(driven.chain)
    owner.sends_token(token_id, stranger.address)
    settle(driven)
    held = assets.holder(asset_id)
    assert held is not None
    assert (held.address, held.organisation_id) == (stranger.address, None)
    buy(buyer, listing)
    kept = ledger.balance(asset_services.escrow_account(stranger.address)).posted
    # Of 900 cents the data set, still the seller's, takes 40 %.
    assert (kept, earnings(seller)) == (Money(540), 360)
    agrees(driven)
    finder = make_actor(name="Finder")
    link_wallet(finder, stranger.address)
    assert earnings(finder) == 540

    settle(driven)
    stranger.sends_token(token_id, OutsideWallet(driven.chain).address)
    settle(driven)
    held = assets.holder(asset_id)
    assert held is not None
    assert held.organisation_id is None
    driven.chain.reorg(driven.config.confirmations + 4)
    driven.chain.mine(8)
    settle(driven)
    held = assets.holder(asset_id)
    assert held is not None
    assert held.organisation_id == finder.organisation_id


def test_shares_are_created_sold_and_moved_and_revenue_follows_them(
    driven: DrivenBridge, seller: Any, buyer: Any, make_listing: MakeListing
) -> None:
    settle(driven)
    listing = make_listing(seller)
    settle(driven)
    asset_id, token_id = listing.asset_id, assets.asset(listing.asset_id).token_id
    with tenant_scope(seller.organisation_id):
        asset_services.create_shares(actor=seller, asset_id=asset_id, supply=1_000)
    settle(driven)
    assert [holding.units for holding in assets.share_holdings(asset_id)] == [1_000]
    with tenant_scope(seller.organisation_id):
        offer = services.offer_shares(actor=seller, asset_id=asset_id, units=300, unit_price=Money(5))
    with tenant_scope(buyer.organisation_id):
        trade = services.buy_shares(actor=buyer, offer_id=offer.id, units=200, idempotency_key="shares")
    cash = ledger.balance(AccountRef(buyer.organisation_id, AccountKind.CASH, "USD"))
    assert (trade.state, cash.held, earnings(seller)) == (TradeState.PENDING, Money(1_000), 0)
    settle(driven)
    with tenant_scope(buyer.organisation_id):
        [trade] = selectors.share_trades(buyer, asset_id)
    cash = ledger.balance(AccountRef(buyer.organisation_id, AccountKind.CASH, "USD"))
    assert (trade.state, cash.held, cash.posted, earnings(seller)) == (
        TradeState.COMPLETED,
        Money(0),
        Money(49_000),
        900,
    )
    wallet = OutsideWallet(driven.chain)
    link_wallet(buyer, wallet.address)
    with tenant_scope(buyer.organisation_id):
        asset_services.send_shares(actor=buyer, asset_id=asset_id, units=200, to_organisation_id=buyer.organisation_id)
    settle(driven)
    stranger = OutsideWallet(driven.chain)
    wallet.sends_shares(token_id, stranger.address, 50)
    settle(driven)
    version = assets.latest_version(asset_id)
    assert version is not None
    mine = [share for share in assets.revenue_shares(version.id) if share.version_id == version.id]
    # 40 % goes to the data set; the rest by units.
    assert {share.address or share.organisation_id: share.weight / Fraction(6, 10) for share in mine} == {
        seller.organisation_id: Fraction(800, 1_000),
        buyer.organisation_id: Fraction(150, 1_000),
        stranger.address: Fraction(50, 1_000),
    }
    agrees(driven)


def test_a_trade_that_the_chain_refuses_gives_the_money_back(
    driven: DrivenBridge, seller: Any, buyer: Any, make_listing: MakeListing
) -> None:
    settle(driven)
    listing = make_listing(seller)
    settle(driven)
    with tenant_scope(seller.organisation_id):
        asset_services.create_shares(actor=seller, asset_id=listing.asset_id, supply=10)
    settle(driven)
    with tenant_scope(seller.organisation_id):
        offer = services.offer_shares(actor=seller, asset_id=listing.asset_id, units=10, unit_price=Money(100))
    lane = OutsideWallet(driven.chain, driven.lane().address)
    lane.calls("AssetShares", "pause")
    with tenant_scope(buyer.organisation_id):
        services.buy_shares(actor=buyer, offer_id=offer.id, units=10, idempotency_key="refused")
    settle(driven)
    with tenant_scope(buyer.organisation_id):
        [trade] = selectors.share_trades(buyer, listing.asset_id)
    cash = ledger.balance(AccountRef(buyer.organisation_id, AccountKind.CASH, "USD"))
    assert (trade.state, cash.held, cash.posted) == (TradeState.FAILED, Money(0), Money(50_000))
    assert trade.failure
