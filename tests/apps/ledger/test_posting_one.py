"""The short way for one transfer keeps the rules of the general one."""

from __future__ import annotations

from typing import cast

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.money import Money
from apps.core.postgresql.base import DatabaseWrapper
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import posting, services
from apps.ledger.errors import InsufficientFunds, TransferKeyReused
from apps.ledger.models import Account, Transfer
from apps.ledger.types import AccountKind, AccountRef, SourceRef, TransferSpec
from tests.apps.ledger.accounts import cash, earnings

SEEN = (
    "SELECT t.amount, t.currency, t.idempotency_key, t.reason, t.source_type, t.source_id, t.detail::text,"
    " t.debit_sequence, t.credit_sequence, t.debit_balance, t.credit_balance"
    " FROM ledger_transfer t WHERE t.debit_tenant_id = %s OR t.credit_tenant_id = %s ORDER BY t.id"
)

steps = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(0, 3), st.integers(1, 400), st.sampled_from("abcdef"), st.booleans()
    ).filter(lambda step: step[0] != step[1]),
    max_size=12,
)


def outcome(post, spec):
    try:
        with transaction.atomic():
            posted = post(spec)
    except (InsufficientFunds, TransferKeyReused) as refused:
        return type(refused), getattr(refused, "context", None)
    return posted.earlier[0] is not None, len(posted.payees)


def run_through(post, organisation, moves):
    """Outcomes of the moves and the rows that they left; all undone."""
    refs = [
        cash(organisation),
        earnings(organisation),
        AccountRef(organisation, AccountKind.FEES, "USD"),
        AccountRef(organisation, AccountKind.RECEIVABLE, "USD", "r"),
    ]
    with transaction.atomic(), all_tenants(reason="test"):
        told = []
        for debit, credit, cents, key, with_detail in moves:
            source = SourceRef("test", "1", {"why": "“Größe”"} if with_detail else {})
            spec = TransferSpec(refs[debit], refs[credit], Money(cents), key, "r", source)
            told.append(outcome(post, spec))
        with connection.cursor() as cursor:
            cursor.execute(SEEN, (organisation, organisation))
            rows = cursor.fetchall()
        transaction.set_rollback(True)
    return told, rows


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(moves=steps)
def test_one_transfer_at_a_time_ends_as_by_the_general_way(actor, moves):
    def general(spec):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(posting, "_post_one", lambda _: None)
            return posting.post([spec])

    short = run_through(lambda spec: posting.post([spec]), actor.organisation_id, moves)
    assert short == run_through(general, actor.organisation_id, moves)


def test_what_is_credited_to_a_merged_account_goes_to_its_successor(actor, other_actor, fund, pay):
    fund(actor.organisation_id, 100)
    with all_tenants(reason="test"):
        old, new = earnings(actor.organisation_id), earnings(other_actor.organisation_id)
        services.move_earnings_to_successor(
            source_id=actor.organisation_id, target_id=other_actor.organisation_id, currency="USD"
        )
        made = pay(cash(actor.organisation_id), old, 40, key="k")
        assert pay(cash(actor.organisation_id), old, 40, key="k").id == made.id
        row = Transfer.objects.get(id=made.id)
        assert row.credit_account_id == Account.objects.get(tenant_id=new.organisation_id, kind="earnings").id


@pytest.mark.parametrize("scoped", [True, False])
def test_a_transfer_within_a_scope_leaves_the_scope_as_it_was(actor, other_actor, fund, pay, scoped):
    fund(actor.organisation_id, 100)
    pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 1)
    with tenant_scope(actor.organisation_id) if scoped else all_tenants(reason="test"), transaction.atomic():
        pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.all_tenants', true)")
            assert cursor.fetchone() == ("off" if scoped else "on",)


def test_statements_that_are_watched_are_seen(actor, other_actor, fund, pay, django_assert_num_queries):
    fund(actor.organisation_id, 100)
    pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 1)
    with transaction.atomic(), django_assert_num_queries(1):
        pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 1)


def test_errors_are_those_of_django_and_a_broken_transaction_takes_no_transfer(actor, other_actor, fund, pay):
    fund(actor.organisation_id, 100)
    pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 1)
    with transaction.atomic():
        with pytest.raises(DatabaseError), transaction.atomic():
            cast("DatabaseWrapper", connection).fetch_prepared("SELECT 1 / %s", (0,))
        pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 1)
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 1)


def test_without_prepared_statements_transfers_are_made_all_the_same(actor, other_actor, fund, pay, monkeypatch):
    fund(actor.organisation_id, 100)
    monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    first = pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 1, key="k")
    assert pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 1, key="k").id == first.id
