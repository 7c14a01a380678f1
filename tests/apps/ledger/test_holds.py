"""Holds: what is set aside, what expires, what is refused."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from apps.core import clock
from apps.core.money import Money
from apps.ledger import selectors, services, tasks
from apps.ledger.errors import HoldExceeded, HoldNotFound, InsufficientFunds, TransferKeyReused
from apps.ledger.types import SourceRef
from tests.apps.ledger.accounts import cash, earnings

SOURCE = SourceRef("t", "1")


@pytest.fixture
def place(actor, fund):
    """`place(cents, key, expires_at)` on an account with 100."""
    fund(actor.organisation_id, 100)

    def make(cents, key="h", expires_at=None, account=None):
        return services.place_hold(
            account=account or cash(actor.organisation_id),
            amount=Money(cents),
            idempotency_key=key,
            reason="order",
            source=SOURCE,
            expires_at=expires_at,
        )

    return make


def capture(hold_id, organisation_id, cents, key="c"):
    return services.capture_hold(
        hold_id=hold_id,
        credit=earnings(organisation_id),
        amount=Money(cents),
        idempotency_key=key,
        reason="label",
        source=SOURCE,
    )


def available(organisation_id):
    return selectors.balance(cash(organisation_id)).available


def test_an_expired_hold_keeps_what_was_captured_and_gives_back_the_rest(actor, other_actor, place, monkeypatch):
    now = clock.now()
    hold = place(60, expires_at=now + timedelta(hours=1))
    assert hold.expires_at == now + timedelta(hours=1)
    capture(hold.id, other_actor.organisation_id, 20)
    services.expire_holds()
    assert available(actor.organisation_id) == Money(40)
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=1))
    with pytest.raises(HoldExceeded):
        capture(hold.id, other_actor.organisation_id, 1, "late")
    assert services.expire_holds() >= 1
    assert available(actor.organisation_id) == Money(80)
    assert selectors.hold(hold.id).captured == Money(20)
    tasks.expire_holds()
    assert available(actor.organisation_id) == Money(80)
    assert capture(hold.id, other_actor.organisation_id, 20).amount == Money(20)  # the first answer again


def test_a_hold_without_an_end_never_expires(actor, place, monkeypatch):
    place(60)
    monkeypatch.setattr(clock, "now", lambda real=clock.now: real() + timedelta(days=9999))
    services.expire_holds()
    assert available(actor.organisation_id) == Money(40)


def test_the_same_key_again_gives_the_first_hold_and_for_another_amount_is_refused(actor, place):
    assert place(60).id == place(60).id
    with pytest.raises(TransferKeyReused):
        place(61)
    assert available(actor.organisation_id) == Money(40)


def test_more_than_is_available_is_not_held(actor, other_actor, place):
    with pytest.raises(InsufficientFunds):
        place(101)
    with pytest.raises(InsufficientFunds):
        place(1, account=earnings(other_actor.organisation_id))
    assert available(actor.organisation_id) == Money(100)


@pytest.mark.parametrize("amount", [Money(0), Money(-1), Money(1, "EUR")])
def test_nothing_less_than_nothing_and_other_currencies_are_not_held(actor, amount):
    with pytest.raises(ValueError, match="more than nothing"):
        services.place_hold(
            account=cash(actor.organisation_id), amount=amount, idempotency_key="h", reason="r", source=SOURCE
        )


def test_a_hold_that_is_not_there_is_said_so(actor, place):
    with pytest.raises(HoldNotFound):
        capture(uuid4(), actor.organisation_id, 1)
    with pytest.raises(HoldNotFound):
        services.release_hold(hold_id=uuid4())
    with pytest.raises(HoldNotFound):
        selectors.hold(uuid4())


def test_no_more_than_is_open_is_captured_or_released(actor, other_actor, place):
    hold = place(60)
    with pytest.raises(HoldExceeded):
        capture(hold.id, other_actor.organisation_id, 61)
    with pytest.raises(HoldExceeded):
        services.release_hold(hold_id=hold.id, amount=Money(61))
    assert services.release_hold(hold_id=hold.id, amount=Money(10)).open == Money(50)
    assert services.release_hold(hold_id=hold.id).open == Money(0)
    assert services.release_hold(hold_id=hold.id).open == Money(0)


def test_a_captured_key_for_another_payee_is_refused(actor, other_actor, make_actor, place):
    hold = place(60)
    capture(hold.id, other_actor.organisation_id, 10)
    with pytest.raises(TransferKeyReused):
        capture(hold.id, make_actor().organisation_id, 10)


def test_a_hold_on_an_account_with_a_successor_is_the_successor_s(make_actor, fund, pay, actor):
    guest, user = make_actor().organisation_id, make_actor().organisation_id
    fund(actor.organisation_id, 50)
    pay(cash(actor.organisation_id), earnings(guest), 50)
    services.move_earnings_to_successor(source_id=guest, target_id=user, currency="USD")
    services.place_hold(account=earnings(guest), amount=Money(20), idempotency_key="h", reason="r", source=SOURCE)
    assert selectors.balance(earnings(user)).available == Money(30)
