"""Columns of the hash chain, the digests' functions, and both filled for the rows that exist."""

import pgtrigger.migrations
from django.db import migrations, models

ACCOUNT_DIGEST = """
CREATE FUNCTION ledger_account_digest(account ledger_account) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sha256(convert_to(
        'account/1|' || account.id || '|' || account.tenant_id || '|'
        || (extract(epoch FROM account.created_at) * 1000000)::bigint || '|'
        || octet_length(account.kind) || ':' || account.kind || ','
        || octet_length(account.currency) || ':' || account.currency || ','
        || octet_length(account.reference) || ':' || account.reference || ',', 'UTF8'));
END $$
"""

TRANSFER_DIGEST = """
CREATE FUNCTION ledger_transfer_digest(transfer ledger_transfer) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sha256(convert_to(
        'transfer/1|' || transfer.id || '|' || transfer.debit_account_id || '|' || transfer.credit_account_id
        || '|' || transfer.debit_tenant_id || '|' || transfer.credit_tenant_id || '|' || transfer.amount
        || '|' || coalesce(transfer.hold_id::text, '')
        || '|' || (extract(epoch FROM transfer.created_at) * 1000000)::bigint
        || '|' || transfer.debit_sequence || '|' || transfer.credit_sequence
        || '|' || transfer.debit_balance || '|' || transfer.credit_balance
        || '|' || encode(transfer.debit_previous, 'hex') || '|' || encode(transfer.credit_previous, 'hex') || '|'
        || octet_length(transfer.currency) || ':' || transfer.currency || ','
        || octet_length(transfer.idempotency_key) || ':' || transfer.idempotency_key || ','
        || octet_length(transfer.reason) || ':' || transfer.reason || ','
        || octet_length(transfer.source_type) || ':' || transfer.source_type || ','
        || octet_length(transfer.source_id) || ':' || transfer.source_id || ','
        || octet_length(transfer.detail::text) || ':' || transfer.detail::text || ',', 'UTF8'));
END $$
"""

# The rows of before, in the order of their ids: as if the triggers had been there from the start.
FILL = """
SELECT set_config('app.all_tenants', 'on', true);
-- Checks that wait for the commit would refuse the ALTER TABLE at the end.
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE ledger_transfer DISABLE TRIGGER USER;
ALTER TABLE ledger_account DISABLE TRIGGER USER;
UPDATE ledger_account AS account SET head = ledger_account_digest(account);
CREATE TEMPORARY TABLE ledger_running ON COMMIT DROP AS
    SELECT id, 0::bigint AS sequence, 0::bigint AS balance, head FROM ledger_account;
ALTER TABLE ledger_running ADD PRIMARY KEY (id);
DO $$
DECLARE
    transfer ledger_transfer;
    debited ledger_running;
    credited ledger_running;
BEGIN
    FOR transfer IN SELECT * FROM ledger_transfer ORDER BY id LOOP
        UPDATE ledger_running SET sequence = sequence + 1, balance = balance - transfer.amount
            WHERE id = transfer.debit_account_id RETURNING * INTO debited;
        UPDATE ledger_running SET sequence = sequence + 1, balance = balance + transfer.amount
            WHERE id = transfer.credit_account_id RETURNING * INTO credited;
        transfer.debit_sequence := debited.sequence;
        transfer.credit_sequence := credited.sequence;
        transfer.debit_balance := debited.balance;
        transfer.credit_balance := credited.balance;
        transfer.debit_previous := debited.head;
        transfer.credit_previous := credited.head;
        transfer.digest := ledger_transfer_digest(transfer);
        UPDATE ledger_transfer
        SET debit_sequence = transfer.debit_sequence, credit_sequence = transfer.credit_sequence,
            debit_balance = transfer.debit_balance, credit_balance = transfer.credit_balance,
            debit_previous = transfer.debit_previous, credit_previous = transfer.credit_previous,
            digest = transfer.digest
        WHERE id = transfer.id;
        UPDATE ledger_running SET head = transfer.digest
            WHERE id IN (transfer.debit_account_id, transfer.credit_account_id);
    END LOOP;
END $$;
UPDATE ledger_account SET sequence = running.sequence, head = running.head
    FROM ledger_running AS running WHERE running.id = ledger_account.id;
ALTER TABLE ledger_transfer ENABLE TRIGGER USER;
ALTER TABLE ledger_account ENABLE TRIGGER USER;
SELECT set_config('app.all_tenants', 'off', true);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0002_more_account_kinds"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="account",
            name="balances_follow_transfers",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="account",
            name="account_starts_empty",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="hold",
            name="hold_only_shrinks",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="hold",
            name="hold_counts_as_held",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="transfer",
            name="transfer_moves_balances",
        ),
        migrations.RemoveIndex(
            model_name="transfer",
            name="ledger_transfer_debits",
        ),
        migrations.RemoveIndex(
            model_name="transfer",
            name="ledger_transfer_credits",
        ),
        migrations.AddField(
            model_name="account",
            name="head",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="sequence",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="hold",
            name="expires_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="transfer",
            name="credit_balance",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="transfer",
            name="credit_previous",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="transfer",
            name="credit_sequence",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="transfer",
            name="debit_balance",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="transfer",
            name="debit_previous",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="transfer",
            name="debit_sequence",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="transfer",
            name="digest",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.RunSQL(ACCOUNT_DIGEST, "DROP FUNCTION ledger_account_digest"),
        migrations.RunSQL(TRANSFER_DIGEST, "DROP FUNCTION ledger_transfer_digest"),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
