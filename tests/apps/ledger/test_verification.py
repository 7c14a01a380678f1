"""`verify_ledger` finds every change that was made by hand, and says in which row."""

from __future__ import annotations

import json
from contextlib import nullcontext
from io import StringIO
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command

from apps.core.money import Money
from apps.core.tenant import all_tenants
from apps.ledger import services
from apps.ledger.management.commands import verify_ledger
from apps.ledger.models import Account, CheckpointHead, Transfer
from apps.ledger.types import CheckpointInfo, SourceRef
from apps.ledger.verification import Tally, read_only_connection, verify
from tests.apps.ledger.accounts import cash, earnings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def chain(make_actor, fund, pay):
    """Five transfers from one payer to one payee, the third from a hold; their ids in order."""
    payer, payee = make_actor().organisation_id, make_actor().organisation_id
    fund(payer, 10_000)
    hold = services.place_hold(
        account=cash(payer), amount=Money(500), idempotency_key="h", reason="order", source=SourceRef("t", "1")
    )
    made = [pay(cash(payer), earnings(payee), 10 + n, rule="majority").id for n in range(2)]
    made.append(
        services.capture_hold(
            hold_id=hold.id,
            credit=earnings(payee),
            amount=Money(77),
            idempotency_key="c",
            reason="label",
            source=SourceRef("t", "2"),
        ).id
    )
    return made + [pay(cash(payer), earnings(payee), 20 + n).id for n in range(2)]


def findings(by_hand):
    return list(verify(by_hand, Tally()))


def named(by_hand, table="transfer"):
    return {finding.row: finding.fields for finding in findings(by_hand) if finding.table == table}


def account_of(transfer_id: UUID, side: str) -> Account:
    with all_tenants(reason="test"):
        row = Transfer.objects.select_related("debit_account", "credit_account").get(id=transfer_id)
        return row.debit_account if side == "debit" else row.credit_account


def checkpoint() -> CheckpointInfo:
    made = services.make_checkpoint()
    assert made is not None
    return made


def test_a_sound_ledger_has_no_findings(chain, by_hand):
    tally = Tally()
    assert list(verify(by_hand, tally)) == []
    assert tally.transfers >= 6
    assert tally.holds >= 1


CHANGES = {
    "amount": "amount + 1",
    "currency": "'USE'",
    "idempotency_key": "idempotency_key || '.'",
    "reason": "reason || ' '",
    "source_type": "'u' || source_type",
    "source_id": "'2' || source_id",
    "detail": "jsonb_set(detail, '{rule}', '\"majoritz\"')",
    "created_at": "created_at + interval '1 microsecond'",
    "debit_tenant_id": "credit_tenant_id",
    "credit_tenant_id": "debit_tenant_id",
    "hold_id": "gen_random_uuid()",
    "debit_sequence": "debit_sequence + 100",
    "credit_sequence": "credit_sequence + 100",
    "debit_balance": "debit_balance + 1",
    "credit_balance": "credit_balance + 1",
    "debit_previous": "set_byte(debit_previous, 0, get_byte(debit_previous, 0) # 1)",
    "credit_previous": "set_byte(credit_previous, 31, get_byte(credit_previous, 31) # 1)",
    "digest": "set_byte(digest, 7, get_byte(digest, 7) # 1)",
}


@pytest.mark.parametrize("column", sorted(CHANGES))
def test_one_byte_changed_in_any_column_of_a_past_transfer_is_found(chain, by_hand, column):
    for transfer_id in (chain[0], chain[2], chain[4]):
        by_hand.execute("SAVEPOINT before")
        by_hand.execute(
            f"UPDATE ledger_transfer SET {column} = {CHANGES[column]} WHERE id = %s",  # noqa: S608  # the cases above
            (transfer_id,),
        )
        fields = named(by_hand)
        assert set(fields) == {str(transfer_id)}
        assert (fields[str(transfer_id)] == "digest") == (column == "digest")
        by_hand.execute("ROLLBACK TO SAVEPOINT before")


def test_every_column_of_a_transfer_is_tried():
    tried_apart = {"id", "debit_account_id", "credit_account_id"}
    assert set(CHANGES) | tried_apart == {field.attname for field in Transfer._meta.concrete_fields}


def test_another_id_is_found(chain, by_hand):
    other = uuid4()
    by_hand.execute("UPDATE ledger_transfer SET id = %s WHERE id = %s", (other, chain[1]))
    assert set(named(by_hand)) == {str(other)}


@pytest.mark.parametrize("side", ["debit", "credit"])
def test_a_transfer_moved_to_another_account_is_found(chain, by_hand, make_actor, fund, side):
    stranger = make_actor().organisation_id
    fund(stranger, 5)
    with all_tenants(reason="test"):
        account = Account.objects.get(tenant_id=stranger)
    by_hand.execute(
        f"UPDATE ledger_transfer SET {side}_account_id = %s WHERE id = %s",  # noqa: S608  # the cases above
        (account.id, chain[1]),
    )
    assert str(chain[1]) in named(by_hand)
    assert str(account_of(chain[0], side).id) in named(by_hand, "account")


@pytest.mark.parametrize("number", [0, 2**128 - 1])
def test_a_transfer_of_an_account_that_does_not_exist_is_found(chain, by_hand, number):
    by_hand.execute("UPDATE ledger_transfer SET credit_account_id = %s WHERE id = %s", (UUID(int=number), chain[1]))
    assert str(chain[1]) in named(by_hand)


@pytest.mark.parametrize("position", [0, 2, 4])
def test_a_deleted_transfer_is_missed_by_both_accounts(chain, by_hand, position):
    accounts = {str(account_of(chain[position], side).id) for side in ("debit", "credit")}
    by_hand.execute("DELETE FROM ledger_transfer WHERE id = %s", (chain[position],))
    assert accounts <= set(named(by_hand, "account"))


def test_several_deleted_transfers_in_a_row_are_missed(chain, by_hand):
    by_hand.execute("DELETE FROM ledger_transfer WHERE id = ANY (%s)", (chain[1:3],))
    assert any("number 2 to 3 is missing" in finding.message for finding in findings(by_hand))


@pytest.mark.parametrize("forged_number", [3, 6, 50])
def test_a_forged_transfer_is_found(chain, by_hand, forged_number):
    """With a digest that fits its content: beside one of the true ones, after the last, and far after it."""
    forged, other = uuid4(), account_of(chain[1], "credit")
    by_hand.execute(
        "INSERT INTO ledger_transfer SELECT (jsonb_populate_record(t, jsonb_build_object("
        " 'id', %s::text, 'idempotency_key', 'forged', 'debit_sequence', 1000, 'credit_sequence', 1000))).*"
        " FROM ledger_transfer t WHERE id = %s",
        (forged, chain[1]),
    )
    with pytest.raises(psycopg.errors.UniqueViolation), by_hand.transaction():
        by_hand.execute("UPDATE ledger_transfer SET credit_sequence = 2 WHERE id = %s", (forged,))
    by_hand.execute("UPDATE ledger_transfer SET debit_sequence = %s WHERE id = %s", (1000 + forged_number, forged))
    by_hand.execute("UPDATE ledger_transfer t SET digest = ledger_transfer_digest(t) WHERE id = %s", (forged,))
    assert {str(other.id), str(account_of(chain[1], "debit").id)} <= set(named(by_hand, "account"))


def test_a_number_given_twice_is_found(chain, by_hand):
    """One as the debited, one as the credited side: no unique constraint compares the two."""
    payee = account_of(chain[1], "credit")
    by_hand.execute(
        "INSERT INTO ledger_transfer SELECT (jsonb_populate_record(t, jsonb_build_object("
        " 'id', gen_random_uuid()::text, 'idempotency_key', 'forged', 'debit_account_id', credit_account_id,"
        " 'credit_account_id', debit_account_id, 'debit_sequence', 2, 'credit_sequence', 900))).*"
        " FROM ledger_transfer t WHERE id = %s",
        (chain[1],),
    )
    assert any(
        finding.row == str(payee.id) and "more than one transfer number 2" in finding.message
        for finding in findings(by_hand)
    )


def test_a_transfer_rewritten_with_its_digest_is_found_by_the_one_after_it(chain, by_hand):
    by_hand.execute("UPDATE ledger_transfer SET reason = 'else' WHERE id = %s", (chain[1],))
    by_hand.execute("UPDATE ledger_transfer t SET digest = ledger_transfer_digest(t) WHERE id = %s", (chain[1],))
    assert named(by_hand) == {str(chain[1]): "content and digest"}


def test_a_balance_rewritten_with_its_digest_is_found(chain, by_hand):
    by_hand.execute("UPDATE ledger_transfer SET debit_balance = debit_balance + 1 WHERE id = %s", (chain[1],))
    by_hand.execute("UPDATE ledger_transfer t SET digest = ledger_transfer_digest(t) WHERE id = %s", (chain[1],))
    fields = [finding.fields for finding in findings(by_hand) if finding.row == str(chain[1])]
    assert "amount or balance" in fields


def test_two_transfers_that_swapped_places_are_found(chain, by_hand):
    for change, transfer_id in ((1000, chain[1]), (-2, chain[3]), (-998, chain[1])):
        by_hand.execute(
            "UPDATE ledger_transfer SET debit_sequence = debit_sequence + %s WHERE id = %s", (change, transfer_id)
        )
    assert {str(chain[1]), str(chain[3])} <= set(named(by_hand))


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ("posted = posted + 1", "balance"),
        ("held = held + 1", "held"),
        ("sequence = sequence + 1", "sequence"),
        ("head = set_byte(head, 0, get_byte(head, 0) # 1)", "head"),
        ("kind = 'fees'", "name"),
        ("reference = 'x'", "name"),
        ("created_at = created_at - interval '1 microsecond'", "name"),
    ],
)
def test_an_account_changed_by_hand_is_found(chain, by_hand, change, fields):
    account = account_of(chain[0], "debit")
    by_hand.execute(f"UPDATE ledger_account SET {change} WHERE id = %s", (account.id,))  # noqa: S608  # the cases above
    assert named(by_hand, "account") == {str(account.id): fields}


def test_the_name_of_an_account_without_transfers_is_kept_too(make_actor, by_hand):
    guest = make_actor().organisation_id
    services.move_earnings_to_successor(source_id=guest, target_id=make_actor().organisation_id, currency="USD")
    by_hand.execute("UPDATE ledger_account SET reference = 'x' WHERE tenant_id = %s", (guest,))
    assert [finding.fields for finding in findings(by_hand)] == ["head"]


def test_an_account_given_to_another_currency_is_found(chain, by_hand):
    account = account_of(chain[0], "credit")
    by_hand.execute("UPDATE ledger_account SET currency = 'EUR' WHERE id = %s", (account.id,))
    assert set(named(by_hand)) == {str(transfer_id) for transfer_id in chain}
    assert {finding.table for finding in findings(by_hand)} == {"account", "transfer", "ledger"}


def test_a_hold_that_paid_more_than_it_says_is_found(chain, by_hand):
    with all_tenants(reason="test"):
        hold_id = Transfer.objects.get(id=chain[2]).hold_id
    by_hand.execute("UPDATE ledger_hold SET captured = captured - 1, released = released + 1 WHERE id = %s", (hold_id,))
    assert named(by_hand, "hold") == {str(hold_id): "captured"}


def test_changed_checkpoints_are_found(chain, by_hand):
    made = checkpoint()
    head = CheckpointHead.objects.filter(checkpoint_id=made.number)[0]
    for change, row, group in (
        ("UPDATE ledger_checkpointhead SET head = '\\x00' WHERE id = %s", head.id, "heads"),
        ("UPDATE ledger_checkpointhead SET sequence = sequence + 1 WHERE id = %s", head.id, "heads"),
        ("DELETE FROM ledger_checkpointhead WHERE id = %s", head.id, "heads"),
        ("UPDATE ledger_checkpoint SET digest = '\\x00' WHERE number = %s", made.number, "digest"),
        ("UPDATE ledger_checkpoint SET accounts = accounts + 1 WHERE number = %s", made.number, "accounts"),
        ("UPDATE ledger_checkpoint SET previous = '\\x00' WHERE number = %s", made.number, "previous"),
        ("DELETE FROM ledger_checkpoint WHERE number = %s", made.number, "number"),
    ):
        by_hand.execute("SAVEPOINT before")
        by_hand.execute(change, (row,))
        found = [finding for finding in findings(by_hand) if finding.table == "checkpoint"]
        assert {finding.row for finding in found} == {str(made.number)}, change
        assert any(group in finding.fields for finding in found), change
        by_hand.execute("ROLLBACK TO SAVEPOINT before")


@pytest.mark.parametrize("with_heads", [False, True])
def test_a_checkpoint_deleted_between_others_is_missed(chain, by_hand, pay, with_heads):
    first = checkpoint()
    pay(cash(account_of(chain[0], "debit").tenant_id), earnings(account_of(chain[0], "credit").tenant_id), 1)
    assert checkpoint().number == first.number + 1
    by_hand.execute("DELETE FROM ledger_checkpoint WHERE number = %s", (first.number,))
    if with_heads:
        by_hand.execute("DELETE FROM ledger_checkpointhead WHERE checkpoint_id = %s", (first.number,))
    assert str(first.number) in named(by_hand, "checkpoint")


def test_history_rewritten_whole_is_found_by_the_checkpoint_before(chain, by_hand):
    """Digests, heads and balances all made to fit: only what was digested earlier tells."""
    number, last = checkpoint().number, chain[-1]
    by_hand.execute("UPDATE ledger_transfer SET reason = 'else' WHERE id = %s", (last,))
    by_hand.execute("UPDATE ledger_transfer t SET digest = ledger_transfer_digest(t) WHERE id = %s", (last,))
    by_hand.execute(
        "UPDATE ledger_account a SET head = t.digest FROM ledger_transfer t"
        " WHERE t.id = %s AND a.id IN (t.debit_account_id, t.credit_account_id)",
        (last,),
    )
    assert named(by_hand) == {str(last): "content and digest"}
    for side, sign in (("debit", "+"), ("credit", "-")):
        by_hand.execute(
            f"UPDATE ledger_account a SET sequence = sequence - 1, head = t.{side}_previous,"  # noqa: S608  # as above
            f" posted = posted {sign} t.amount FROM ledger_transfer t WHERE t.id = %s AND a.id = t.{side}_account_id",
            (last,),
        )
    by_hand.execute("DELETE FROM ledger_transfer WHERE id = %s", (last,))
    found = findings(by_hand)
    assert found
    assert all(f"checkpoint {number} saw" in finding.message for finding in found)


def test_what_the_chain_was_told_is_compared(chain, by_hand):
    made = checkpoint()
    insert = (
        "INSERT INTO ledger_commitment (id, chain_id, contract, number, head, tx_hash, block_number, created_at)"
        " VALUES (gen_random_uuid(), 1, %s, %s, %s, '0xabc', 7, now())"
    )
    by_hand.execute(insert, ("0xa", made.number, made.digest))
    assert findings(by_hand) == []
    by_hand.execute(insert, ("0xb", made.number, b"\1" * 32))
    by_hand.execute(insert, ("0xb", made.number + 1, b"\1" * 32))
    assert named(by_hand, "checkpoint") == {str(made.number): "digest", str(made.number + 1): "number"}


def test_the_command_says_what_is_wrong_and_exits_with_1(chain, by_hand, monkeypatch):
    """The command's own connection cannot see what is not committed, so it is given the one with the change."""
    out = StringIO()
    call_command("verify_ledger", stdout=out)
    assert out.getvalue().startswith("Sound: ")
    out = StringIO()
    call_command("verify_ledger", "--json", stdout=out)
    assert json.loads(out.getvalue())["sound"] is True
    by_hand.execute("UPDATE ledger_transfer SET reason = 'else' WHERE id = %s", (chain[1],))
    monkeypatch.setattr(verify_ledger, "read_only_connection", lambda alias: nullcontext(by_hand))
    monkeypatch.setattr(verify_ledger, "PROGRESS_EVERY", 1)
    for arguments in ((), ("--json",)):
        out = StringIO()
        with pytest.raises(CommandError, match="1 findings"):
            call_command("verify_ledger", *arguments, stdout=out)
        assert str(chain[1]) in out.getvalue()


def test_a_verification_cannot_write():
    with read_only_connection() as reader, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader.execute("UPDATE ledger_hold SET reason = 'x'")
