from __future__ import annotations

import pytest

from apps.core.money import Money
from apps.ledger import selectors, services
from apps.ledger.errors import InsufficientFunds
from apps.ledger.types import AccountKind, AccountRef, SourceRef


def test_a_transfer_moves_the_amount_and_the_books_balance(actor, other_actor, fund):
    fund(actor.organisation_id, 1000)
    cash = AccountRef(actor.organisation_id, AccountKind.CASH, "USD")
    earnings = AccountRef(other_actor.organisation_id, AccountKind.EARNINGS, "USD")
    services.transfer(debit=cash, credit=earnings, amount=Money(400), idempotency_key="k", reason="r", source=SourceRef("t", "1"))
    assert selectors.balance(cash).available == Money(600)
    assert selectors.balance(earnings).posted == Money(400)
    assert set(selectors.trial_balance().values()) == {0}
    assert selectors.replay_differences() == []


def test_an_overdraft_is_refused_and_changes_nothing(actor, other_actor, fund):
    fund(actor.organisation_id, 100)
    cash = AccountRef(actor.organisation_id, AccountKind.CASH, "USD")
    earnings = AccountRef(other_actor.organisation_id, AccountKind.EARNINGS, "USD")
    with pytest.raises(InsufficientFunds) as refused:
        services.transfer(debit=cash, credit=earnings, amount=Money(101), idempotency_key="k", reason="r", source=SourceRef("t", "1"))
    assert refused.value.context["missing"] == {"amount_minor": "1", "currency": "USD"}
    assert selectors.balance(cash).posted == Money(100)
    assert selectors.balance(earnings).posted == Money(0)


def test_a_hold_is_captured_in_parts_and_the_rest_released(actor, other_actor, fund):
    fund(actor.organisation_id, 100)
    cash = AccountRef(actor.organisation_id, AccountKind.CASH, "USD")
    earnings = AccountRef(other_actor.organisation_id, AccountKind.EARNINGS, "USD")
    hold = services.place_hold(account=cash, amount=Money(90), idempotency_key="h", reason="order", source=SourceRef("t", "1"))
    assert selectors.balance(cash).available == Money(10)
    for key in ("a", "b", "b"):
        services.capture_hold(hold_id=hold.id, credit=earnings, amount=Money(30), idempotency_key=key, reason="label", source=SourceRef("t", key))
    services.release_hold(hold_id=hold.id)
    assert selectors.balance(cash).available == Money(40)
    assert selectors.balance(earnings).posted == Money(60)
    assert selectors.hold(hold.id).open == Money(0)
