"""Buying a licence: who pays, who is paid, who may use it, and what is refused without a trace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.assets import selectors as assets
from apps.core import clock
from apps.core.errors import NotPermitted
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.marketplace import selectors, services
from apps.marketplace.errors import (
    AlreadyLicensed,
    FundsMissing,
    GuestCannotBuy,
    ListingNotFound,
    ListingWithdrawn,
    OwnListing,
    PriceChanged,
    PurchaseKeyReused,
)
from apps.marketplace.models import Licence, Sale, SaleLine
from apps.tenancy.selectors import organisation
from apps.tenancy.types import PLATFORM_ID, Actor, Role

pytestmark = pytest.mark.django_db

MakeListing = Callable[..., Any]
Fund = Callable[..., None]


def balance(organisation_id: Any, kind: AccountKind) -> int:
    return int(ledger.balance(AccountRef(organisation_id, kind, "USD")).posted.minor)  # type: ignore[union-attr]


def buy(buyer: Any, listing: Any, key: str = "", **arguments: Any) -> Any:
    with tenant_scope(buyer.organisation_id):
        return services.buy_licence(
            actor=buyer, listing_id=listing.id, idempotency_key=key or str(uuid7()), **arguments
        )


@pytest.fixture
def crowd(make_actor: Callable[..., Any]) -> tuple[Any, Any]:
    return make_actor(name="Ana", personal=True), make_actor(name="Ben", personal=True)


@pytest.fixture
def seller(make_actor: Callable[..., Any]) -> Any:
    return make_actor(name="Seller")


@pytest.fixture
def buyer(make_actor: Callable[..., Any], fund: Fund) -> Any:
    made = make_actor(name="Buyer")
    fund(made.organisation_id, 5_000)
    return made


def nothing_happened(buyer: Any) -> None:
    with all_tenants(reason="test"):
        assert not Licence.objects.filter(tenant_id=buyer.organisation_id).exists()
        assert not Sale.objects.filter(buyer_id=buyer.organisation_id).exists()
        assert not SaleLine.objects.filter(sale__buyer_id=buyer.organisation_id).exists()
    assert balance(buyer.organisation_id, AccountKind.CASH) == 5_000


def test_a_sale_pays_platform_owner_and_contributors_to_the_cent(
    seller: Any, buyer: Any, crowd: tuple[Any, Any], make_listing: MakeListing
) -> None:
    fees_before = balance(PLATFORM_ID, AccountKind.FEES)
    listing = make_listing(seller, crowd, cents=1_000)
    sale = buy(buyer, listing)
    assert balance(buyer.organisation_id, AccountKind.CASH) == 4_000
    assert balance(PLATFORM_ID, AccountKind.FEES) - fees_before == sale.fee.minor == 100
    # Of 900: the dataset takes 40 % = 360, half of it to its contributors by weight 1:2; the rest to the owner.
    assert [balance(who.organisation_id, AccountKind.EARNINGS) for who in (*crowd, seller)] == [60, 120, 720]
    assert all(total == 0 for total in ledger.trial_balance().values())


def test_every_payee_can_tell_why_it_was_paid(
    seller: Any, buyer: Any, crowd: tuple[Any, Any], make_listing: MakeListing
) -> None:
    listing = make_listing(seller, crowd)
    sale = buy(buyer, listing)
    with tenant_scope(crowd[0].organisation_id):
        [line] = ledger.statement(crowd[0], kind=AccountKind.EARNINGS, currency="USD")
    version = assets.latest_version(listing.asset_id)
    assert version is not None
    detail = line.source.detail
    assert (line.source.type, line.source.id) == ("marketplace.sale", str(sale.id))
    assert (detail["rule"], detail["role"], detail["asset_name"]) == ("contributor", "annotator", "Helpdesk")
    assert detail["path"][0] == str(version.id)
    assert len(detail["path"]) == 2
    assert detail["weight"] == "1/15"
    assert line.amount == Money(60)


def test_a_buyer_is_told_neither_the_names_nor_the_parts_of_contributors(
    seller: Any, buyer: Any, crowd: tuple[Any, Any], make_listing: MakeListing, client_for: Any, api_for: Any
) -> None:
    buy(buyer, make_listing(seller, crowd))
    browser, api = client_for(buyer), api_for(buyer)
    with tenant_scope(buyer.organisation_id):
        [account] = [row for row in ledger.accounts(buyer) if row.kind == AccountKind.CASH]
        lines = ledger.account_statement(buyer, account.id).lines
    paid = [line for line in lines if line.source.detail.get("rule") == "contributors"]
    assert [line.amount for line in paid] == [Money(120), Money(60)]
    told = [
        browser.get("/billing/"),
        browser.get("/billing/statement.csv"),
        browser.get(f"/statements/{account.id}/"),
        api.get("/api/v1/ledger/transfers/"),
        api.get(f"/api/v1/ledger/accounts/{account.id}/statement/"),
        *(api.get(f"/api/v1/ledger/transfers/{line.id}/") for line in paid),
        *(browser.get(f"/statements/transfers/{line.id}/") for line in paid),
    ]
    assert [answer.status_code for answer in told] == [200] * len(told)
    said = "\n".join(answer.content.decode() for answer in told)
    with tenant_scope(buyer.organisation_id):
        exported = browser.get(f"/statements/{account.id}/statement.csv")
        said += b"".join(exported.streaming_content).decode()
    assert "Contributors of Helpdesk" in said
    assert "helped to make it, or a part" not in said
    for contributor in crowd:
        assert str(contributor.organisation_id) not in said
        assert organisation(contributor.organisation_id).name not in said
    assert "annotator" not in said
    assert "1/15" not in said
    with tenant_scope(crowd[0].organisation_id):
        [line] = ledger.statement(crowd[0], kind=AccountKind.EARNINGS, currency="USD")
    assert line.counterparty_id == buyer.organisation_id


def test_the_lines_of_a_sale_equal_the_ledgers_transfers(
    seller: Any, buyer: Any, crowd: tuple[Any, Any], make_listing: MakeListing
) -> None:
    sale = buy(buyer, make_listing(seller, crowd, cents=999))
    paid = sorted(t.amount.minor for t in ledger.transfers_of_source("marketplace.sale", str(sale.id)))  # type: ignore[union-attr]
    lines = [line.amount.minor for line in selectors.sale_lines(sale)]
    assert paid == sorted([*lines, sale.fee.minor])
    assert sum(paid) == 999


def test_the_licence_opens_access_and_its_end_closes_it(
    seller: Any, buyer: Any, make_listing: MakeListing, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = make_listing(seller, period_days=30)
    assert not assets.has_right(buyer.organisation_id, listing.asset_id, "use")
    sale = buy(buyer, listing)
    assert assets.has_right(buyer.organisation_id, listing.asset_id, "use")
    assert not assets.has_right(buyer.organisation_id, listing.asset_id, "develop")
    later = clock.now() + timedelta(days=31)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert not assets.has_right(buyer.organisation_id, listing.asset_id, "use")
    assert selectors.licence(buyer, sale.licence_id).state == "expired"
    assert services.expire_licences() == 1
    again = buy(buyer, listing)
    assert again.id != sale.id
    assert assets.has_right(buyer.organisation_id, listing.asset_id, "use")


def test_an_expired_licence_is_renewed_before_the_schedule_marks_it(
    seller: Any, buyer: Any, make_listing: MakeListing, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = make_listing(seller, period_days=1)
    buy(buyer, listing)
    later = clock.now() + timedelta(days=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    buy(buyer, listing)
    with tenant_scope(buyer.organisation_id):
        assert sorted(Licence.objects.values_list("state", flat=True)) == ["active", "expired"]


def test_a_sold_right_cannot_be_taken_back(seller: Any, buyer: Any, make_listing: MakeListing) -> None:
    from apps.assets import services as registry
    from apps.assets.errors import GrantNotRevocable

    listing = make_listing(seller)
    buy(buyer, listing)
    with tenant_scope(seller.organisation_id):
        [grant] = assets.active_grants(seller, listing.asset_id)
        with pytest.raises(GrantNotRevocable):
            registry.revoke_access(actor=seller, grant_id=grant.id)


def test_the_same_key_buys_once(seller: Any, buyer: Any, make_listing: MakeListing) -> None:
    listing, other = make_listing(seller), make_listing(seller, name="Another")
    first, second = buy(buyer, listing, "k-1"), buy(buyer, listing, "k-1")
    assert first == second
    assert balance(buyer.organisation_id, AccountKind.CASH) == 4_000
    with pytest.raises(PurchaseKeyReused):
        buy(buyer, other, "k-1")


def test_a_licence_that_is_held_is_not_sold_again(seller: Any, buyer: Any, make_listing: MakeListing) -> None:
    listing = make_listing(seller)
    sale = buy(buyer, listing)
    with pytest.raises(AlreadyLicensed) as caught:
        buy(buyer, listing)
    assert caught.value.context["licence_id"] == str(sale.licence_id)
    assert balance(buyer.organisation_id, AccountKind.CASH) == 4_000


def test_development_includes_use_but_not_the_other_way_round(
    seller: Any, buyer: Any, make_listing: MakeListing
) -> None:
    use = make_listing(seller)
    with tenant_scope(seller.organisation_id):
        develop = services.list_asset(
            actor=seller, asset_id=use.asset_id, price=Money(2_000), terms="develop-royalty-1", royalty_bps=1_000
        )
    assert [info.id for info in selectors.active_listings(use.asset_id)] == [use.id, develop.id]
    buy(buyer, use)
    buy(buyer, develop)
    assert assets.has_right(buyer.organisation_id, use.asset_id, "develop")
    assert assets.royalty_floor(buyer.organisation_id, use.asset_id) == 1_000
    with pytest.raises(AlreadyLicensed):
        buy(buyer, use)


def test_missing_money_is_named_and_nothing_changes(seller: Any, buyer: Any, make_listing: MakeListing) -> None:
    listing = make_listing(seller, cents=7_250)
    with pytest.raises(FundsMissing) as caught:
        buy(buyer, listing)
    assert caught.value.context["missing"] == {"amount_minor": "2250", "currency": "USD"}
    assert caught.value.context["top_up_url"] == "/billing/?amount_minor=2250"
    nothing_happened(buyer)


def test_refused_purchases_leave_nothing_behind(
    seller: Any, buyer: Any, make_actor: Callable[..., Any], make_listing: MakeListing
) -> None:
    listing = make_listing(seller)
    with pytest.raises(OwnListing):
        buy(seller, listing)
    with pytest.raises(PriceChanged):
        buy(buyer, listing, agreed_price=Money(999))
    with pytest.raises(GuestCannotBuy):
        buy(Actor(buyer.user_id, buyer.organisation_id, Role.OWNER, is_guest=True), listing)
    with pytest.raises(NotPermitted):
        buy(make_actor(role=Role.MEMBER, organisation_id=buyer.organisation_id), listing)
    with tenant_scope(seller.organisation_id):
        services.unlist(actor=seller, listing_id=listing.id)
    with pytest.raises(ListingWithdrawn):
        buy(buyer, listing)
    listing = type("Gone", (), {"id": uuid7()})()
    with pytest.raises(ListingNotFound):
        buy(buyer, listing)
    nothing_happened(buyer)


def test_a_free_licence_moves_no_money(seller: Any, buyer: Any, make_listing: MakeListing) -> None:
    listing = make_listing(seller, cents=0)
    sale = buy(buyer, listing)
    assert assets.has_right(buyer.organisation_id, listing.asset_id, "use")
    assert ledger.transfers_of_source("marketplace.sale", str(sale.id)) == []


def test_a_cent_is_split_without_losing_it(
    seller: Any, buyer: Any, crowd: tuple[Any, Any], make_listing: MakeListing
) -> None:
    sale = buy(buyer, make_listing(seller, crowd, cents=1))
    assert sale.fee == Money(1)
    sale = buy(buyer, make_listing(seller, crowd, cents=2, name="Two"))
    assert sum(line.amount.minor for line in selectors.sale_lines(sale)) == 1
