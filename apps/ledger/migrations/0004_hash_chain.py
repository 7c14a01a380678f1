"""The hash chain in force, and its checkpoints."""

import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import apps.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0003_hash_chain_columns"),
    ]

    operations = [
        migrations.AlterField(
            model_name="account",
            name="head",
            field=models.BinaryField(max_length=32),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="credit_balance",
            field=models.BigIntegerField(),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="credit_previous",
            field=models.BinaryField(max_length=32),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="credit_sequence",
            field=models.BigIntegerField(),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="debit_balance",
            field=models.BigIntegerField(),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="debit_previous",
            field=models.BinaryField(max_length=32),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="debit_sequence",
            field=models.BigIntegerField(),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="digest",
            field=models.BinaryField(max_length=32),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="debit_account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="debits", to="ledger.account"
            ),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="credit_account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="credits", to="ledger.account"
            ),
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("previous", models.BinaryField(max_length=32)),
                ("accounts", models.PositiveIntegerField()),
                ("digest", models.BinaryField(max_length=32)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="CheckpointHead",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("sequence", models.BigIntegerField()),
                ("head", models.BinaryField(max_length=32)),
            ],
        ),
        migrations.CreateModel(
            name="Commitment",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("chain_id", models.BigIntegerField()),
                ("contract", models.CharField(max_length=42)),
                ("number", models.BigIntegerField()),
                ("head", models.BinaryField(max_length=32)),
                ("tx_hash", models.CharField(max_length=66)),
                ("block_number", models.BigIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(
                condition=models.Q(
                    (
                        "amount__gt",
                        django.db.models.expressions.CombinedExpression(
                            models.F("captured"), "+", models.F("released")
                        ),
                    ),
                    ("expires_at__isnull", False),
                ),
                fields=["expires_at"],
                name="ledger_hold_expiry",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=pgtrigger.compiler.Trigger(
                name="balances_follow_transfers",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."head" IS DISTINCT FROM (NEW."head") OR OLD."held" IS DISTINCT FROM (NEW."held") OR OLD."posted" IS DISTINCT FROM (NEW."posted") OR OLD."sequence" IS DISTINCT FROM (NEW."sequence"))',
                    func="\n                    IF pg_trigger_depth() < 2 THEN\n                        RAISE EXCEPTION 'balances change only by transfers and holds';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="44a8bdc5aa1f6701cacaee02cf292188d597569d",
                    operation="UPDATE",
                    pgid="pgtrigger_balances_follow_transfers_d6eaf",
                    table="ledger_account",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=pgtrigger.compiler.Trigger(
                name="account_keeps_its_name",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."reference" IS DISTINCT FROM (NEW."reference") OR OLD."successor_id" IS DISTINCT FROM (NEW."successor_id") OR OLD."tenant_id" IS DISTINCT FROM (NEW."tenant_id"))',
                    func="\n                    IF ROW(NEW.id, NEW.tenant_id, NEW.kind, NEW.currency, NEW.reference, NEW.created_at)\n                       IS DISTINCT FROM\n                       ROW(OLD.id, OLD.tenant_id, OLD.kind, OLD.currency, OLD.reference, OLD.created_at)\n                       OR OLD.successor_id IS NOT NULL THEN\n                        RAISE EXCEPTION 'an account keeps its name, and its successor once it has one';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="ea7001fc459b082e1dc54a79986cfd18f57eff32",
                    operation="UPDATE",
                    pgid="pgtrigger_account_keeps_its_name_a3fb0",
                    table="ledger_account",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=pgtrigger.compiler.Trigger(
                name="account_starts_empty",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    IF NEW.posted <> 0 OR NEW.held <> 0 OR NEW.sequence <> 0 THEN\n                        RAISE EXCEPTION 'an account starts empty';\n                    END IF;\n                    NEW.head := ledger_account_digest(NEW);\n                    RETURN NEW;\n                ",
                    hash="2bc895a138395653ea7bdbd37212683943a912c6",
                    operation="INSERT",
                    pgid="pgtrigger_account_starts_empty_22f00",
                    table="ledger_account",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="hold_only_shrinks",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    IF NEW.captured < OLD.captured OR NEW.released < OLD.released\n                       OR NEW.captured > OLD.captured AND pg_trigger_depth() < 2\n                       OR to_jsonb(NEW) - 'captured' - 'released' <> to_jsonb(OLD) - 'captured' - 'released' THEN\n                        RAISE EXCEPTION 'a hold is only captured, by a transfer, or released';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="4ae5058e0786fdd5a671581e5b322264d164e778",
                    operation="UPDATE",
                    pgid="pgtrigger_hold_only_shrinks_642e6",
                    table="ledger_hold",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="hold_counts_as_held",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    IF NEW.captured <> 0 OR NEW.released <> 0 THEN RAISE EXCEPTION 'a hold starts open'; END IF;\n                    UPDATE ledger_account SET held = held + NEW.amount\n                    WHERE id = NEW.account_id AND tenant_id = NEW.tenant_id;\n                    IF NOT FOUND THEN RAISE EXCEPTION 'the account of a hold is its organisation''s'; END IF;\n                    RETURN NULL;\n                ",
                    hash="4a634d14bfcf51fb335f80f308fcbb6a98b5406e",
                    operation="INSERT",
                    pgid="pgtrigger_hold_counts_as_held_d9755",
                    table="ledger_hold",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transfer",
            trigger=pgtrigger.compiler.Trigger(
                name="transfer_extends_chains",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE debited ledger_account; credited ledger_account;",
                    func="\n                    IF num_nonnulls(NEW.debit_sequence, NEW.credit_sequence, NEW.debit_balance, NEW.credit_balance,\n                                    NEW.debit_previous, NEW.credit_previous, NEW.digest) > 0 THEN\n                        RAISE EXCEPTION 'sequences, balances and digests of a transfer are computed, not given';\n                    END IF;\n                    IF NEW.debit_account_id < NEW.credit_account_id THEN\n                        SELECT * INTO debited FROM ledger_account WHERE id = NEW.debit_account_id FOR NO KEY UPDATE;\n                        SELECT * INTO credited FROM ledger_account WHERE id = NEW.credit_account_id FOR NO KEY UPDATE;\n                    ELSE\n                        SELECT * INTO credited FROM ledger_account WHERE id = NEW.credit_account_id FOR NO KEY UPDATE;\n                        SELECT * INTO debited FROM ledger_account WHERE id = NEW.debit_account_id FOR NO KEY UPDATE;\n                    END IF;\n                    IF (debited.tenant_id = NEW.debit_tenant_id AND credited.tenant_id = NEW.credit_tenant_id\n                        AND debited.currency = NEW.currency AND credited.currency = NEW.currency) IS NOT TRUE THEN\n                        RAISE EXCEPTION 'both accounts of a transfer exist, in its currency and of its organisations';\n                    END IF;\n                    NEW.debit_sequence := debited.sequence + 1;\n                    NEW.credit_sequence := credited.sequence + 1;\n                    NEW.debit_balance := debited.posted - NEW.amount;\n                    NEW.credit_balance := credited.posted + NEW.amount;\n                    NEW.debit_previous := debited.head;\n                    NEW.credit_previous := credited.head;\n                    NEW.digest := ledger_transfer_digest(NEW);\n                    RETURN NEW;\n                ",
                    hash="bc644eafd1ee89587efad88a534c47e9c7bf7b66",
                    operation="INSERT",
                    pgid="pgtrigger_transfer_extends_chains_16657",
                    table="ledger_transfer",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transfer",
            trigger=pgtrigger.compiler.Trigger(
                name="transfer_moves_balances",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE moved integer;",
                    func="\n                    IF NEW.hold_id IS NOT NULL THEN\n                        UPDATE ledger_hold SET captured = captured + NEW.amount\n                        WHERE id = NEW.hold_id AND account_id = NEW.debit_account_id;\n                        IF NOT FOUND THEN RAISE EXCEPTION 'a hold pays from its own account'; END IF;\n                    END IF;\n                    UPDATE ledger_account\n                    SET posted = CASE id WHEN NEW.debit_account_id THEN NEW.debit_balance ELSE NEW.credit_balance END,\n                        sequence = sequence + 1,\n                        head = NEW.digest\n                    WHERE id IN (NEW.debit_account_id, NEW.credit_account_id)\n                      AND sequence + 1\n                          = CASE id WHEN NEW.debit_account_id THEN NEW.debit_sequence ELSE NEW.credit_sequence END;\n                    GET DIAGNOSTICS moved = ROW_COUNT;\n                    IF moved <> 2 THEN\n                        RAISE EXCEPTION 'transfers of one account are inserted one after the other';\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="9e27a0db7f303e654de6977ed0e9d6afa0a8e0f9",
                    operation="INSERT",
                    pgid="pgtrigger_transfer_moves_balances_7e7d5",
                    table="ledger_transfer",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.UniqueConstraint(
                fields=("debit_account", "debit_sequence"), name="ledger_transfer_debits"
            ),
        ),
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.UniqueConstraint(
                fields=("credit_account", "credit_sequence"), name="ledger_transfer_credits"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="checkpoint",
            trigger=pgtrigger.compiler.Trigger(
                name="checkpoint_is_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="453a8f294c06e9a458cb67d8f720d55ea988d0eb",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_checkpoint_is_append_only_c4ffb",
                    table="ledger_checkpoint",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="checkpoint",
            trigger=pgtrigger.compiler.Trigger(
                name="checkpoint_is_not_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are kept', TG_TABLE_NAME;",
                    hash="38c498434be93827943ca5225f6a2e2d6a8d90e4",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_checkpoint_is_not_truncated_1f513",
                    table="ledger_checkpoint",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="checkpointhead",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, db_index=False, related_name="+", to="ledger.account"
            ),
        ),
        migrations.AddField(
            model_name="checkpointhead",
            name="checkpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="heads", to="ledger.checkpoint"
            ),
        ),
        migrations.AddConstraint(
            model_name="commitment",
            constraint=models.UniqueConstraint(
                fields=("chain_id", "contract", "number"), name="ledger_commitment_once"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="commitment",
            trigger=pgtrigger.compiler.Trigger(
                name="commitment_is_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="a56b2eef1c4b9b7299b7543c7b917c97bf2aba96",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_commitment_is_append_only_d9f3a",
                    table="ledger_commitment",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="commitment",
            trigger=pgtrigger.compiler.Trigger(
                name="commitment_is_not_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are kept', TG_TABLE_NAME;",
                    hash="52469387c1e2f221675c6b352893d54ac355897b",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_commitment_is_not_truncated_6e70b",
                    table="ledger_commitment",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="checkpointhead",
            constraint=models.UniqueConstraint(fields=("account", "checkpoint"), name="ledger_checkpoint_account_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="checkpointhead",
            trigger=pgtrigger.compiler.Trigger(
                name="checkpoint_head_is_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="e756b07fdee1ed6b2f6192b750d10d9b8a52c631",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_checkpoint_head_is_append_only_686b0",
                    table="ledger_checkpointhead",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="checkpointhead",
            trigger=pgtrigger.compiler.Trigger(
                name="checkpoint_head_is_not_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are kept', TG_TABLE_NAME;",
                    hash="8ed4840c691940e6f613bad68e77893057042528",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_checkpoint_head_is_not_truncated_a4bfe",
                    table="ledger_checkpointhead",
                    when="BEFORE",
                ),
            ),
        ),
    ]
