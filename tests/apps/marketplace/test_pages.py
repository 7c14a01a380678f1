"""The marketplace by page and by API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.assets import selectors as assets
from apps.core.ids import uuid7
from apps.core.tenant import tenant_scope
from apps.marketplace import selectors

pytestmark = pytest.mark.django_db

MakeListing = Callable[..., Any]
ClientFor = Callable[[Any], Client]
ApiFor = Callable[[Any], Any]


@pytest.fixture
def seller(make_actor: Callable[..., Any]) -> Any:
    return make_actor(name="Seller")


@pytest.fixture
def buyer(make_actor: Callable[..., Any]) -> Any:
    return make_actor(name="Buyer")


def test_anyone_searches_by_word_kind_and_price(seller: Any, make_listing: MakeListing) -> None:
    token = f"zebra{uuid7().hex[-8:]}"
    cheap, dear = (
        make_listing(seller, name=f"{token} helpdesk"),
        make_listing(seller, name=f"{token} desk", cents=9_000),
    )
    client = Client()

    def found(query: str) -> set[str]:
        return {row["id"] for row in client.get(f"/api/v1/listings/?{query}").json()["results"]}

    assert found(f"q={token}") == {str(cheap.id), str(dear.id)}
    assert found(f"q={token[:9]}+HELP") >= {str(cheap.id)}
    assert str(dear.id) not in found(f"q={token}+help")
    assert found(f"q={token}&max_price_minor=1000") == {str(cheap.id)}
    assert found(f"q={token}&kind=dataset") == set()
    assert found("q=%27%29%3B--+%26") is not None
    page = client.get(f"/marketplace/?q={token}").content.decode()
    assert f"{token} helpdesk" in page


@pytest.mark.parametrize("query", ["kind=spaceship", "min_price_minor=x", "right=own", "max_price_minor=-1"])
def test_a_bad_filter_is_refused_by_name(query: str) -> None:
    answer = Client().get(f"/api/v1/listings/?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_search_pages_by_cursor(seller: Any, make_listing: MakeListing) -> None:
    token = f"yak{uuid7().hex[-8:]}"
    for _ in range(3):
        make_listing(seller, name=token)
    first = Client().get(f"/api/v1/listings/?q={token}&limit=2").json()
    second = Client().get(first["next"]).json()
    assert (len(first["results"]), len(second["results"]), second["next"]) == (2, 1, None)


def test_the_offer_is_in_plain_words_with_its_exact_split(
    seller: Any, annotator: Any, make_listing: MakeListing
) -> None:
    listing = make_listing(seller, (annotator,), cents=1_001)
    answer = Client().get(f"/api/v1/listings/{listing.id}/").json()
    total = int(answer["fee"]["amount_minor"]) + sum(int(group["amount"]["amount_minor"]) for group in answer["split"])
    assert total == 1_001
    assert answer["terms_in_words"]["may"]
    assert {group["party"] for group in answer["split"]} >= {"1 contributor"}
    assert str(annotator.organisation_id) not in str(answer)
    page = Client().get(f"/assets/{listing.asset_id}/").content.decode()
    assert "$10.01" in page
    assert f"/marketplace/listings/{listing.id}/buy/" in page


def test_an_offer_is_made_and_taken_back_by_its_owner_only(
    seller: Any, buyer: Any, make_listing: MakeListing, api_for: ApiFor
) -> None:
    listing = make_listing(seller)
    body = {"asset_id": str(listing.asset_id), "price": {"amount_minor": "4200"}, "terms": "use-commercial-1"}
    changed = api_for(seller).post("/api/v1/listings/", body, format="json")
    assert (changed.status_code, changed.json()["id"]) == (201, str(listing.id))
    assert changed.json()["price"] == {"amount_minor": "4200", "currency": "USD"}
    assert api_for(buyer).post("/api/v1/listings/", body, format="json").status_code == 404
    assert api_for(buyer).delete(f"/api/v1/listings/{listing.id}/").status_code == 404
    assert api_for(seller).delete(f"/api/v1/listings/{listing.id}/").json()["state"] == "withdrawn"
    assert Client().get(f"/assets/{listing.asset_id}/").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"price": {"amount_minor": "-1"}}, "price"),
        ({"price": {"amount_minor": "100", "currency": "XXX"}}, "price"),
        ({"period_days": 0}, "period_days"),
        ({"royalty_bps": 100}, "royalty_bps"),
        ({"royalty_bps": 10_000}, "royalty_bps"),
        ({"terms": "anything"}, "terms"),
    ],
)
def test_a_bad_offer_is_refused_by_field(
    seller: Any, make_listing: MakeListing, api_for: ApiFor, change: dict[str, Any], field: str
) -> None:
    listing = make_listing(seller)
    body = {"asset_id": str(listing.asset_id), "price": {"amount_minor": "1"}, "terms": "use-internal-1"} | change
    answer = api_for(seller).post("/api/v1/listings/", body, format="json")
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {field}
    assert selectors.listing(listing.id) == listing


def test_buying_by_api_is_idempotent_and_refusals_say_what_to_do(
    seller: Any, buyer: Any, make_listing: MakeListing, api_for: ApiFor, fund: Callable[..., None]
) -> None:
    listing = make_listing(seller, cents=1_000)
    api = api_for(buyer)
    url = f"/api/v1/listings/{listing.id}/purchase/"
    poor = api.post(url)
    assert (poor.status_code, poor.json()["code"]) == (402, "insufficient_funds")
    assert poor.json()["missing"] == {"amount_minor": "1000", "currency": "USD"}
    assert poor.json()["top_up_url"].startswith("/billing/")
    fund(buyer.organisation_id, 3_000)
    first = api.post(url, HTTP_IDEMPOTENCY_KEY="k")
    again = api.post(url, HTTP_IDEMPOTENCY_KEY="k")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (api.post(url).status_code, api.post(url).json()["code"]) == (409, "already_licensed")
    assert [row["id"] for row in api.get("/api/v1/licences/").json()["results"]] == [first.json()["licence"]["id"]]
    [sale] = api_for(seller).get("/api/v1/sales/").json()["results"]
    assert sum(int(line["amount"]["amount_minor"]) for line in sale["lines"]) == 900
    assert api_for(buyer).get("/api/v1/sales/").json()["results"] == []
    licence_url = f"/api/v1/licences/{first.json()['licence']['id']}/"
    assert api_for(seller).get(licence_url).status_code == 200


def test_a_licence_is_not_there_for_third_parties(
    seller: Any, buyer: Any, other_actor: Any, make_listing: MakeListing, api_for: ApiFor, fund: Callable[..., None]
) -> None:
    fund(buyer.organisation_id, 1_000)
    listing = make_listing(seller)
    licence = api_for(buyer).post(f"/api/v1/listings/{listing.id}/purchase/").json()["licence"]
    assert api_for(other_actor).get(f"/api/v1/licences/{licence['id']}/").status_code == 404
    assert api_for(other_actor).get("/api/v1/licences/").json()["results"] == []


def test_the_confirm_page_shows_the_split_and_buys(
    seller: Any, buyer: Any, annotator: Any, make_listing: MakeListing, client_for: ClientFor, fund: Callable[..., None]
) -> None:
    listing = make_listing(seller, (annotator,), cents=1_000)
    client = client_for(buyer)
    url = f"/marketplace/listings/{listing.id}/buy/"
    page = client.get(url).content.decode()
    for text in ("$5.40", "$1.80", "$1.00", "$10.00 is missing"):
        assert text in page
    form = {"key": str(uuid7()), "agreed_minor": "1000"}
    assert client.post(url, form).status_code == 402
    fund(buyer.organisation_id, 2_000)
    assert client.post(url, form | {"agreed_minor": "x"}).status_code == 422
    assert client.post(url, form | {"agreed_minor": "900"}).status_code == 409
    assert client.post(url, form).status_code == 302
    assert client.post(url, form).status_code == 302
    assert assets.has_right(buyer.organisation_id, listing.asset_id, "use")
    assert "Helpdesk" in client.get("/marketplace/licences/").content.decode()
    assert "You hold this licence" in client.get(f"/assets/{listing.asset_id}/").content.decode()
    sales = client_for(seller).get("/marketplace/sales/").content.decode()
    for text in ("$10.00", "$5.40", "$1.80"):
        assert text in sales


def test_the_owner_offers_an_asset_by_page(seller: Any, make_listing: MakeListing, client_for: ClientFor) -> None:
    listing = make_listing(seller)
    client = client_for(seller)
    url = f"/marketplace/assets/{listing.asset_id}/offer/"
    assert "Sell licences" in client.get(url).content.decode()
    assert client.post(url, {"terms": "use-internal-1", "price": "-1"}).status_code == 422
    bad = client.post(url, {"terms": "use-internal-1", "price": "5", "royalty_percent": "5"})
    assert bad.status_code == 422
    assert "Only development terms carry a royalty" in bad.content.decode()
    assert client.post(url, {"terms": "use-internal-1", "price": "12.50", "period_days": "30"}).status_code == 302
    changed = selectors.listing(listing.id)
    assert (changed.price.minor, changed.period_days) == (1_250, 30)
    assert client.post(f"/marketplace/listings/{listing.id}/unlist/").status_code == 302
    assert selectors.active_listings(listing.asset_id) == []


def test_others_cannot_offer_or_take_back(
    seller: Any, buyer: Any, make_listing: MakeListing, client_for: ClientFor
) -> None:
    listing = make_listing(seller)
    client = client_for(buyer)
    assert client.get(f"/marketplace/assets/{listing.asset_id}/offer/").status_code == 404
    assert client.post(f"/marketplace/listings/{listing.id}/unlist/").status_code == 404
    with tenant_scope(seller.organisation_id):
        assert selectors.active_listings(listing.asset_id)


def test_visitors_are_sent_to_sign_in_to_buy(seller: Any, make_listing: MakeListing) -> None:
    listing = make_listing(seller)
    answer = Client().get(f"/marketplace/listings/{listing.id}/buy/")
    assert answer.status_code == 302
    assert "login" in answer["Location"]
    assert Client().post(f"/api/v1/listings/{listing.id}/purchase/").status_code == 401


def test_empty_lists_say_what_to_do(buyer: Any, client_for: ClientFor) -> None:
    client = client_for(buyer)
    assert "No licences yet" in client.get("/marketplace/licences/").content.decode()
    assert "No sales yet" in client.get("/marketplace/sales/").content.decode()
    assert "Nothing found" in client.get("/marketplace/?q=qqqqzzzzxx").content.decode()
