"""Bad input over HTTP against the running platform: a clear refusal, and nothing left behind."""

from __future__ import annotations

import io
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from sahara import ApiError, Client, Conflict, InvalidInput, NotFound, PaymentRequired, Unauthenticated
from tests.flows.conftest import PASSWORD, Platform


def order(client: Client, **changes: object) -> object:
    values: dict[str, object] = {
        "title": "Messages",
        "instruction": "Choose.",
        "rows": [{"text": f"message {number}"} for number in range(12)],
        "classes": ["a", "b"],
        "price_minor": 4,
    }
    return client.orders.create(**(values | changes))  # type: ignore[arg-type]


def test_a_wrong_password_and_a_taken_address_are_refused(platform: Platform) -> None:
    email = f"{uuid4().hex}@flows.example"
    Client.sign_up(platform.url, email, PASSWORD).close()
    with pytest.raises(ApiError) as wrong:
        Client.sign_in(platform.url, email, "not the password")
    assert wrong.value.status == 400
    with Client.sign_in(platform.url, email, PASSWORD) as client:
        assert client.account.me().role == "owner"
    with Client(platform.url, "sk_wrong") as client, pytest.raises(Unauthenticated):
        client.account.me()


@pytest.mark.parametrize(
    ("name", "content", "field"),
    [
        ("empty.csv", b"", "file"),
        ("columns.csv", b"message,kind\nhello,a\n", "text"),
        ("broken.jsonl", b'{"text": "fine"}\n{"text": \n', None),
        ("binary.csv", bytes(range(256)) * 20, None),
    ],
)
def test_a_malformed_upload_names_what_is_wrong_and_saves_nothing(
    sign_up: Callable[[], Client], name: str, content: bytes, field: str | None
) -> None:
    client = sign_up()
    body = {"title": "T", "instruction": "I", "classes": "a,b", "price_minor": "4"}
    with pytest.raises(InvalidInput) as refused:
        client.transport.request("POST", "orders/", data=body, files={"file": (name, io.BytesIO(content))})
    assert refused.value.errors or refused.value.detail
    if field is not None:
        assert field in str(refused.value)
    assert list(client.orders.list()) == []


def test_an_order_without_funds_holds_nothing(sign_up: Callable[[], Client]) -> None:
    client = sign_up()
    order(client)
    [draft] = client.orders.list()
    with pytest.raises(PaymentRequired) as refused:
        client.orders.launch(draft.id)
    assert int(refused.value.problem["missing"]["amount_minor"]) > 0
    assert client.orders.get(draft.id).state == "draft"
    assert client.billing.balance().held.amount_minor == 0


def test_a_repeated_call_is_answered_once_and_another_body_under_its_key_is_refused(
    sign_up: Callable[[], Client],
) -> None:
    client = sign_up()
    first, second = order(client, idempotency_key="k"), order(client, idempotency_key="k")
    assert first == second
    with pytest.raises(Conflict):
        order(client, idempotency_key="k", title="Another")
    assert len(list(client.orders.list())) == 1


def test_anothers_ids_are_not_there(sign_up: Callable[[], Client]) -> None:
    owner, stranger = sign_up(), sign_up()
    order(owner)
    [draft] = owner.orders.list()
    base = owner.knowledge.create("Private")
    top_up = owner.billing.top_up(500)
    for attempt in (
        lambda: stranger.orders.get(draft.id),
        lambda: stranger.orders.launch(draft.id),
        lambda: stranger.knowledge.get(base.id),
        lambda: stranger.assets.get(base.asset_id),
        lambda: stranger.assets.lineage(base.asset_id),
        lambda: stranger.billing.get_top_up(top_up.id),
        lambda: stranger.marketplace.offer(base.asset_id, price_minor=100),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_a_forged_webhook_credits_nothing(platform: Platform, sign_up: Callable[[], Client]) -> None:
    client = sign_up()
    top_up = client.billing.top_up(500)
    event = {
        "id": "evt_forged",
        "type": "checkout.session.completed",
        "data": {"object": {"client_reference_id": str(top_up.id), "payment_status": "paid", "amount_total": 500}},
    }
    for signature in ("", "t=1,v1=" + "0" * 64):
        answer = httpx.post(f"{platform.url}/webhooks/stripe/", json=event, headers={"Stripe-Signature": signature})
        assert answer.status_code == 400
    assert client.billing.get_top_up(top_up.id).state != "paid"
    assert client.billing.balance().posted.amount_minor == 0


def test_withdrawing_without_wallet_or_earnings_is_refused(sign_up: Callable[[], Client]) -> None:
    client = sign_up()
    with pytest.raises(ApiError) as without_wallet:
        client.payouts.withdraw(100)
    assert without_wallet.value.status in (409, 422)
    with pytest.raises(InvalidInput):
        client.account.set_wallet("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed")  # one letter's case is wrong
    client.account.set_wallet("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
    with pytest.raises(ApiError) as without_money:
        client.payouts.withdraw(100)
    assert without_money.value.status in (402, 409, 422)
    assert list(client.payouts.list()) == []
