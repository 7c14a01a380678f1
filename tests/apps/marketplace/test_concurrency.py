"""Purchases that race: one of them wins, and nobody pays twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from apps.core.errors import DomainError
from apps.core.tenant import tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.marketplace import services
from apps.marketplace.errors import AlreadyLicensed
from apps.marketplace.models import Sale

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 10


def in_parallel(call: Callable[[int], Any]) -> list[Any]:
    """Run a call in several threads that start together; answers and domain errors, in any order."""
    barrier = threading.Barrier(THREADS)
    outcomes: list[Any] = []

    def run(index: int) -> None:
        try:
            barrier.wait()
            outcomes.append(call(index))
        except DomainError as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.parametrize("same_key", [True, False])
def test_ten_equal_purchases_at_once_make_one_sale(
    same_key: bool,
    make_actor: Callable[..., Any],
    make_listing: Callable[..., Any],
    fund: Callable[..., None],
) -> None:
    seller, buyer = make_actor(name="Seller"), make_actor(name="Buyer")
    fund(buyer.organisation_id, 100_000)
    listing = make_listing(seller, (make_actor(personal=True),), cents=1_000)

    def buy(index: int) -> Any:
        with tenant_scope(buyer.organisation_id):
            key = "the-same" if same_key else f"key-{index}"
            return services.buy_licence(actor=buyer, listing_id=listing.id, idempotency_key=key)

    outcomes = in_parallel(buy)
    assert len(outcomes) == THREADS
    sales = {outcome.id for outcome in outcomes if not isinstance(outcome, DomainError)}
    assert len(sales) == 1
    errors = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
    assert len(errors) == (0 if same_key else THREADS - 1)
    assert all(isinstance(error, AlreadyLicensed) for error in errors)
    with tenant_scope(seller.organisation_id):
        assert Sale.objects.count() == 1
    cash = ledger.balance(AccountRef(buyer.organisation_id, AccountKind.CASH, "USD"))
    assert cash.posted.minor == 99_000  # type: ignore[union-attr]


def test_ten_buyers_at_once_all_get_it_and_the_books_balance(
    make_actor: Callable[..., Any], make_listing: Callable[..., Any], fund: Callable[..., None]
) -> None:
    seller = make_actor(name="Seller")
    listing = make_listing(seller, (make_actor(personal=True),), cents=333)
    buyers = [make_actor(name=f"Buyer {index}") for index in range(THREADS)]
    for buyer in buyers:
        fund(buyer.organisation_id, 333)

    def buy(index: int) -> Any:
        with tenant_scope(buyers[index].organisation_id):
            return services.buy_licence(actor=buyers[index], listing_id=listing.id, idempotency_key=f"b-{index}")

    outcomes = in_parallel(buy)
    assert len({outcome.id for outcome in outcomes}) == THREADS
    assert all(total == 0 for total in ledger.trial_balance().values())
    assert ledger.replay_differences() == []
