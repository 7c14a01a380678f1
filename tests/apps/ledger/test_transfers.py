"""Transfers and holds: balanced, append-only, idempotent."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from apps.core.money import Money
from apps.core.tenant import all_tenants
from apps.ledger import selectors, services
from apps.ledger.errors import InsufficientFunds, TransferKeyReused
from apps.ledger.models import Transfer
from apps.ledger.types import AccountKind, AccountRef, SourceRef, TransferSpec


def test_a_transfer_moves_the_amount_and_the_books_balance(actor, other_actor, fund):
    fund(actor.organisation_id, 1000)
    cash = AccountRef(actor.organisation_id, AccountKind.CASH, "USD")
    earnings = AccountRef(other_actor.organisation_id, AccountKind.EARNINGS, "USD")
    services.transfer(
        debit=cash, credit=earnings, amount=Money(400), idempotency_key="k", reason="r", source=SourceRef("t", "1")
    )
    assert selectors.balance(cash).available == Money(600)
    assert selectors.balance(earnings).posted == Money(400)
    assert set(selectors.trial_balance().values()) == {0}
    assert selectors.replay_differences() == []


def test_an_overdraft_is_refused_and_changes_nothing(actor, other_actor, fund):
    fund(actor.organisation_id, 100)
    cash = AccountRef(actor.organisation_id, AccountKind.CASH, "USD")
    earnings = AccountRef(other_actor.organisation_id, AccountKind.EARNINGS, "USD")
    with pytest.raises(InsufficientFunds) as refused:
        services.transfer(
            debit=cash, credit=earnings, amount=Money(101), idempotency_key="k", reason="r", source=SourceRef("t", "1")
        )
    assert refused.value.context["missing"] == {"amount_minor": "1", "currency": "USD"}
    assert selectors.balance(cash).posted == Money(100)
    assert selectors.balance(earnings).posted == Money(0)


def test_a_hold_is_captured_in_parts_and_the_rest_released(actor, other_actor, fund):
    fund(actor.organisation_id, 100)
    cash = AccountRef(actor.organisation_id, AccountKind.CASH, "USD")
    earnings = AccountRef(other_actor.organisation_id, AccountKind.EARNINGS, "USD")
    hold = services.place_hold(
        account=cash, amount=Money(90), idempotency_key="h", reason="order", source=SourceRef("t", "1")
    )
    assert selectors.balance(cash).available == Money(10)
    for key in ("a", "b", "b"):
        services.capture_hold(
            hold_id=hold.id,
            credit=earnings,
            amount=Money(30),
            idempotency_key=key,
            reason="label",
            source=SourceRef("t", key),
        )
    services.release_hold(hold_id=hold.id)
    assert selectors.balance(cash).available == Money(40)
    assert selectors.balance(earnings).posted == Money(60)
    assert selectors.hold(hold.id).open == Money(0)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_transfer SET amount = amount + 1",
        "DELETE FROM ledger_transfer",
        "TRUNCATE ledger_transfer CASCADE",
        "UPDATE ledger_account SET posted = posted + 1",
        "UPDATE ledger_account SET held = 0, posted = 0",
        "DELETE FROM ledger_account",
        "UPDATE ledger_hold SET amount = amount * 2",
        "UPDATE ledger_hold SET captured = 0",
        "DELETE FROM ledger_hold",
    ],
)
def test_raw_sql_cannot_alter_the_books(actor, other_actor, fund, statement):
    fund(actor.organisation_id, 100)
    cash = AccountRef(actor.organisation_id, AccountKind.CASH, "USD")
    earnings = AccountRef(other_actor.organisation_id, AccountKind.EARNINGS, "USD")
    hold = services.place_hold(
        account=cash, amount=Money(90), idempotency_key="h", reason="o", source=SourceRef("t", "1")
    )
    services.capture_hold(
        hold_id=hold.id, credit=earnings, amount=Money(30), idempotency_key="c", reason="l", source=SourceRef("t", "1")
    )
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert selectors.balance(cash).posted == Money(70)
    assert selectors.replay_differences() == []


def test_an_unbalanced_transfer_cannot_be_inserted(actor, other_actor, fund):
    """Accounts of another currency, or not of the stated organisations, are refused by the trigger."""
    fund(actor.organisation_id, 100)
    row = Transfer.objects.get(credit_tenant_id=actor.organisation_id)
    for change in ({"currency": "EUR"}, {"credit_tenant_id": other_actor.organisation_id}):
        values = {
            "debit_account_id": row.credit_account_id,
            "credit_account_id": row.debit_account_id,
            "amount": 1,
            "currency": "USD",
            "debit_tenant_id": row.credit_tenant_id,
            "credit_tenant_id": row.debit_tenant_id,
            "idempotency_key": "x",
            "reason": "r",
            "source_type": "t",
            "source_id": "1",
        } | change
        with pytest.raises(DatabaseError), all_tenants(reason="test"), transaction.atomic():
            Transfer.objects.create(**values)


def test_a_batch_is_posted_whole_or_not_at_all(actor, other_actor, fund):
    fund(actor.organisation_id, 100)
    cash = AccountRef(actor.organisation_id, AccountKind.CASH, "USD")
    earnings = AccountRef(other_actor.organisation_id, AccountKind.EARNINGS, "USD")
    specs = [TransferSpec(cash, earnings, Money(60), f"b{i}", "r", SourceRef("t", "1")) for i in range(2)]
    with pytest.raises(InsufficientFunds):
        services.post_batch(specs)
    assert selectors.balance(cash).posted == Money(100)
    assert selectors.balance(earnings).posted == Money(0)


def test_the_same_key_for_another_amount_is_refused(actor, other_actor, fund):
    fund(actor.organisation_id, 100)
    cash = AccountRef(actor.organisation_id, AccountKind.CASH, "USD")
    earnings = AccountRef(other_actor.organisation_id, AccountKind.EARNINGS, "USD")
    services.post_batch([TransferSpec(cash, earnings, Money(10), "k", "r", SourceRef("t", "1"))])
    with pytest.raises(TransferKeyReused):
        services.post_batch([TransferSpec(cash, earnings, Money(11), "k", "r", SourceRef("t", "1"))])
    assert selectors.balance(earnings).posted == Money(10)


def test_a_statement_shows_each_side_its_own_direction(actor, other_actor, fund):
    fund(actor.organisation_id, 100)
    (line,) = selectors.statement(actor, kind=AccountKind.CASH, currency="USD")
    assert (line.incoming, line.amount, line.reason) == (True, Money(100), "Top-up")
