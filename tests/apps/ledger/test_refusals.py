"""What the ledger refuses before or while it posts; and how its rows name themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from apps.core.money import Money, TokenAmount
from apps.core.tenant import TenantScopeMissing, all_tenants
from apps.ledger import selectors, services
from apps.ledger.errors import TransferKeyReused
from apps.ledger.models import Account, Checkpoint, CheckpointHead, Commitment, Hold, Transfer
from apps.ledger.services import move_earnings_to_successor
from apps.ledger.types import AccountKind, AccountRef, SourceRef, TransferSpec

SOURCE = SourceRef("test", "refusals")
Fund = Callable[[Any, int], None]


def spec(debit: AccountRef, credit: AccountRef, cents: int, key: str) -> TransferSpec:
    return TransferSpec(debit, credit, Money(cents), key, "r", SOURCE)


@pytest.fixture
def cash(actor: Any, fund: Fund) -> AccountRef:
    fund(actor.organisation_id, 1_000)
    return AccountRef(actor.organisation_id, AccountKind.CASH, "USD")


@pytest.fixture
def earnings(other_actor: Any) -> AccountRef:
    return AccountRef(other_actor.organisation_id, AccountKind.EARNINGS, "USD")


@pytest.mark.django_db
@pytest.mark.parametrize("cents", [0, -1])
def test_nothing_and_less_is_not_transferred(cash: AccountRef, earnings: AccountRef, cents: int) -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        services.post_batch([spec(cash, earnings, cents, "k")])
    assert selectors.balance(cash).posted == Money(1_000)


@pytest.mark.django_db
def test_a_transfer_stays_in_one_currency_on_both_sides(cash: AccountRef, earnings: AccountRef) -> None:
    for wrong in (replace(cash, currency="TUSD"), cash):
        credit = earnings if wrong != cash else replace(earnings, currency="TUSD")
        with pytest.raises(ValueError, match="one currency"):
            services.post_batch([spec(wrong, credit, 1, "k")])
    with pytest.raises(ValueError, match="one currency"):
        services.post_batch([TransferSpec(cash, earnings, TokenAmount(1, "TUSD"), "k", "r", SOURCE)])
    assert selectors.balance(cash).posted == Money(1_000)


@pytest.mark.django_db
def test_an_empty_batch_posts_nothing() -> None:
    assert services.post_batch([]) == []


@pytest.mark.django_db
def test_a_key_twice_in_a_batch_is_one_transfer_or_a_refusal(cash: AccountRef, earnings: AccountRef) -> None:
    twice = services.post_batch([spec(cash, earnings, 5, "k"), spec(cash, earnings, 5, "k")])
    assert twice[0].id == twice[1].id
    assert selectors.balance(earnings).posted == Money(5)
    with pytest.raises(TransferKeyReused):
        services.post_batch([spec(cash, earnings, 5, "other"), spec(cash, earnings, 6, "other")])
    assert selectors.balance(earnings).posted == Money(5)


@pytest.mark.django_db
def test_a_transfer_to_the_account_itself_is_refused_by_the_database(cash: AccountRef) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        services.post_batch([spec(cash, cash, 5, "k")])
    assert selectors.balance(cash).posted == Money(1_000)


@pytest.mark.django_db(transaction=True)
def test_a_key_that_another_account_uses_at_the_same_moment_is_a_key_used_twice(
    cash: AccountRef, earnings: AccountRef, actor: Any
) -> None:
    own_earnings = AccountRef(actor.organisation_id, AccountKind.EARNINGS, "USD")
    services.post_batch([spec(cash, own_earnings, 100, "give")])
    refused: list[Exception] = []

    def other() -> None:
        try:
            services.post_batch([spec(own_earnings, earnings, 7, "same")])
        except TransferKeyReused as error:
            refused.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    platform = AccountRef(earnings.organisation_id, AccountKind.CASH, "USD")
    with transaction.atomic():
        services.post_batch([spec(cash, platform, 5, "same")])
        thread.start()
        thread.join(1)
        assert thread.is_alive(), "it waits for the first transaction to end"
    thread.join(60)
    assert len(refused) == 1
    assert selectors.balance(earnings).posted == Money(0)


@pytest.mark.django_db
def test_earnings_move_to_a_successor_once_and_never_to_themselves(
    cash: AccountRef, actor: Any, make_actor: Any
) -> None:
    guest, user = make_actor().organisation_id, make_actor().organisation_id
    of_guest, of_user = (AccountRef(one, AccountKind.EARNINGS, "USD") for one in (guest, user))
    services.post_batch([spec(cash, of_guest, 30, "work")])
    move_earnings_to_successor(source_id=guest, target_id=guest, currency="USD")
    assert selectors.balance(of_guest).posted == Money(30)
    for _ in range(2):
        move_earnings_to_successor(source_id=guest, target_id=user, currency="USD")
    assert (selectors.balance(of_guest).posted, selectors.balance(of_user).posted) == (Money(0), Money(30))
    nobody = make_actor().organisation_id
    move_earnings_to_successor(source_id=nobody, target_id=user, currency="USD")
    assert selectors.balance(of_user).posted == Money(30)


@pytest.mark.django_db
def test_all_transfers_of_one_cause_are_found(cash: AccountRef, earnings: AccountRef) -> None:
    cause = SourceRef("test.cause", str(cash.organisation_id))
    made = services.post_batch([TransferSpec(cash, earnings, Money(5), "k", "r", cause)])
    assert [one.id for one in selectors.transfers_of_source(cause.type, cause.id)] == [made[0].id]


@pytest.mark.django_db
def test_a_statement_goes_on_after_the_line_it_is_told(actor: Any, cash: AccountRef, earnings: AccountRef) -> None:
    services.post_batch([spec(cash, earnings, cents, f"k{cents}") for cents in (1, 2, 3)])
    newest = selectors.statement(actor, kind=AccountKind.CASH, currency="USD", limit=2)
    rest = selectors.statement(actor, kind=AccountKind.CASH, currency="USD", before=newest[-1].id)
    everything = selectors.statement(actor, kind=AccountKind.CASH, currency="USD")
    assert [line.id for line in (*newest, *rest)] == [line.id for line in everything]
    assert len(rest) == 2


@pytest.mark.django_db
def test_transfers_are_not_read_outside_a_tenants_scope() -> None:
    with pytest.raises(TenantScopeMissing):
        Transfer.objects.exists()


@pytest.mark.django_db
def test_rows_name_themselves_by_what_matters(cash: AccountRef, earnings: AccountRef) -> None:
    made = services.transfer(
        debit=cash, credit=earnings, amount=Money(5), idempotency_key="k", reason="Labels", source=SOURCE
    )
    held = services.place_hold(account=cash, amount=Money(9), idempotency_key="h", reason="Order", source=SOURCE)
    with all_tenants(reason="test"):
        assert str(Transfer.objects.get(id=made.id)) == "Labels 5 USD"
        assert str(Hold.objects.get(id=held.id)) == "Order 9"
        assert str(Account.objects.get(tenant_id=cash.organisation_id, kind="cash")) == "cash USD 995"
    assert str(Checkpoint(number=4)) == "checkpoint 4"
    assert str(CheckpointHead(account_id=held.id, sequence=3)) == f"{held.id} at 3"
    assert str(Commitment(number=4, block_number=7)) == "checkpoint 4 in block 7"
