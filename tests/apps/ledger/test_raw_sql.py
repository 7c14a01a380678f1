"""What the application's own role may not do to the books, whatever SQL it sends."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from apps.core.money import Money
from apps.core.tenant import all_tenants
from apps.ledger import selectors, services
from apps.ledger.models import Account, Hold
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy.types import PLATFORM_ID
from tests.apps.ledger.accounts import cash, earnings

CHANGES = [
    "UPDATE ledger_transfer SET amount = amount + 1",
    "UPDATE ledger_transfer SET reason = 'x' WHERE id = %(transfer)s",
    "UPDATE ledger_transfer SET digest = '\\x00'",
    "UPDATE ledger_transfer SET debit_account_id = credit_account_id, credit_account_id = debit_account_id",
    "DELETE FROM ledger_transfer",
    "DELETE FROM ledger_transfer WHERE id = %(transfer)s",
    "TRUNCATE ledger_transfer CASCADE",
    "TRUNCATE ledger_account, ledger_hold, ledger_transfer CASCADE",
    "UPDATE ledger_account SET posted = posted + 1",
    "UPDATE ledger_account SET held = 0, posted = 0",
    "UPDATE ledger_account SET sequence = sequence - 1",
    "UPDATE ledger_account SET head = '\\x00'",
    "UPDATE ledger_account SET kind = 'processor' WHERE id = %(payer)s",
    "UPDATE ledger_account SET currency = 'EUR' WHERE id = %(payer)s",
    "DELETE FROM ledger_account",
    (
        "INSERT INTO ledger_account (id, tenant_id, kind, currency, reference, posted, held, sequence, head,"
        " created_at) VALUES (gen_random_uuid(), %(payer_tenant)s, 'cash', 'USD', 'new', 100, 0, 0, '', now())"
    ),
    "UPDATE ledger_hold SET amount = amount * 2",
    "UPDATE ledger_hold SET captured = 0",
    "UPDATE ledger_hold SET captured = captured + 1",
    "UPDATE ledger_hold SET released = amount",
    "UPDATE ledger_hold SET expires_at = now()",
    "DELETE FROM ledger_hold",
    (
        "INSERT INTO ledger_hold SELECT (jsonb_populate_record(h, jsonb_build_object('id', gen_random_uuid()::text,"
        " 'idempotency_key', 'x', 'amount', 1000000))).* FROM ledger_hold h WHERE id = %(hold)s"
    ),
    (
        "INSERT INTO ledger_hold SELECT (jsonb_populate_record(h, jsonb_build_object('id', gen_random_uuid()::text,"
        " 'idempotency_key', 'x', 'amount', 9, 'captured', 9))).* FROM ledger_hold h WHERE id = %(hold)s"
    ),
    (
        "INSERT INTO ledger_hold SELECT (jsonb_populate_record(h, jsonb_build_object('id', gen_random_uuid()::text,"
        " 'idempotency_key', 'x', 'amount', 1, 'captured', 0, 'tenant_id', %(payee_tenant)s::text))).*"
        " FROM ledger_hold h WHERE id = %(hold)s"
    ),
    "UPDATE ledger_checkpoint SET accounts = 0",
    "DELETE FROM ledger_checkpointhead",
    "TRUNCATE ledger_checkpoint CASCADE",
    "DELETE FROM ledger_checkpoint",
]

#: Columns of an INSERT, as they would have to be; each forgery changes one.
SOUND = {
    "debit_account_id": "%(payer)s",
    "credit_account_id": "%(payee)s",
    "debit_tenant_id": "%(payer_tenant)s",
    "credit_tenant_id": "%(payee_tenant)s",
    "amount": "1",
    "currency": "'USD'",
    "idempotency_key": "'forged'",
}
FORGERIES = [
    {"amount": "0"},
    {"amount": "-1"},
    {"amount": "NULL"},
    {"amount": "1000000"},
    {"currency": "'EUR'"},
    {"currency": "NULL"},
    {"debit_account_id": "gen_random_uuid()"},
    {"credit_account_id": "gen_random_uuid()"},
    {"credit_account_id": "NULL"},
    {"credit_account_id": "%(payer)s", "credit_tenant_id": "%(payer_tenant)s"},
    {"debit_tenant_id": "%(payee_tenant)s"},
    {"credit_tenant_id": "%(payer_tenant)s"},
    {"credit_tenant_id": "NULL"},
    {"idempotency_key": "'first'"},
    {"hold_id": "gen_random_uuid()"},
    {"hold_id": "%(hold)s", "amount": "61"},
    {"hold_id": "%(hold)s", "debit_account_id": "%(payee)s", "credit_account_id": "%(payer)s",
     "debit_tenant_id": "%(payee_tenant)s", "credit_tenant_id": "%(payer_tenant)s"},
    {"digest": "'\\x00'"},
    {"debit_sequence": "1"},
    {"credit_sequence": "9"},
    {"debit_balance": "1000000"},
    {"credit_balance": "0"},
    {"debit_previous": "'\\x00'"},
    {"credit_previous": "'\\x00'"},
]  # fmt: skip


@pytest.fixture
def books(actor, other_actor, fund, pay):
    """A payer with 100 of which 60 are held, a payee with 10 of them; what SQL needs to name them."""
    fund(actor.organisation_id, 100)
    hold = services.place_hold(
        account=cash(actor.organisation_id),
        amount=Money(90),
        idempotency_key="h",
        reason="o",
        source=SourceRef("t", "1"),
    )
    services.capture_hold(
        hold_id=hold.id,
        credit=earnings(other_actor.organisation_id),
        amount=Money(30),
        idempotency_key="c",
        reason="l",
        source=SourceRef("t", "1"),
    )
    made = pay(cash(actor.organisation_id), earnings(other_actor.organisation_id), 1, "first")
    services.make_checkpoint()
    with all_tenants(reason="test"):
        yield {
            "transfer": made.id,
            "hold": hold.id,
            "payer": Account.objects.get(tenant_id=actor.organisation_id).id,
            "payee": Account.objects.get(tenant_id=other_actor.organisation_id).id,
            "payer_tenant": actor.organisation_id,
            "payee_tenant": other_actor.organisation_id,
        }


def state(books):
    with all_tenants(reason="test"):
        accounts = Account.objects.filter(id__in=(books["payer"], books["payee"])).order_by("id")
        return (
            [(row.posted, row.held, row.sequence, bytes(row.head)) for row in accounts],
            Hold.objects.values_list("captured", "released").get(id=books["hold"]),
        )


def attempt(statement, books):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, books)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def assert_refused(books, statement):
    before = state(books)
    with pytest.raises(DatabaseError):
        attempt(statement, books)
    assert state(books) == before


def insert(columns: dict[str, str]) -> str:
    values = {
        "id": f"'{uuid4()}'",
        **SOUND,
        "reason": "'r'",
        "source_type": "'t'",
        "source_id": "'1'",
        "detail": "'{}'",
        "created_at": "now()",
        **columns,
    }
    return f"INSERT INTO ledger_transfer ({', '.join(values)}) VALUES ({', '.join(values.values())})"  # noqa: S608


@pytest.mark.parametrize("statement", CHANGES)
def test_raw_sql_cannot_alter_the_books(books, statement):
    assert_refused(books, statement)


@pytest.mark.parametrize("change", FORGERIES, ids=lambda change: ",".join(f"{k}={v}" for k, v in change.items()))
def test_an_unbalanced_or_forged_transfer_cannot_be_inserted(books, change):
    assert_refused(books, insert(change))


def test_the_same_insert_without_a_forgery_is_accepted_and_moves_both_balances(books):
    before = state(books)[0]
    with connection.cursor() as cursor:
        cursor.execute(insert({}), books)
    after = state(books)[0]
    assert sum(row[0] for row in after) == sum(row[0] for row in before)
    assert [row[2] for row in after] == [row[2] + 1 for row in before]
    assert selectors.replay_differences() == []


def test_an_insert_that_is_skipped_moves_nothing(books):
    """ON CONFLICT DO NOTHING runs BEFORE triggers of rows that are then not stored."""
    before = state(books)
    with connection.cursor() as cursor:
        cursor.execute(insert({"idempotency_key": "'first'"}) + " ON CONFLICT DO NOTHING", books)
        assert cursor.rowcount == 0
    assert state(books) == before


def test_two_transfers_of_one_account_are_not_inserted_by_one_statement(books):
    """Both would follow the same one. The ledger's own function inserts them one after the other."""
    two = insert({}) + insert({"idempotency_key": "'second'"}).partition("VALUES")[2].join((", ", ""))
    assert_refused(books, two)


def test_a_transfer_is_not_inserted_from_the_scope_of_one_side(books, actor):
    from apps.core.tenant import tenant_scope

    with tenant_scope(actor.organisation_id):
        assert_refused(books, insert({}))


def test_an_outside_account_may_be_below_zero_and_an_inside_one_never(books):
    services.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.RECEIVABLE, "USD", str(uuid4())),
        credit=cash(books["payer_tenant"]),
        amount=Money(5),
        idempotency_key=str(uuid4()),
        reason="r",
        source=SourceRef("t", "1"),
    )
    assert_refused(books, insert({"amount": "15"}))
