"""Posting one transfer, the commonest case, in one statement instead of the arrays and loops of `ledger_post`.

It makes the transfer, or changes nothing and answers false: where an account is missing or has a successor, where the
money is not there, where the key was used before. `ledger_post` then decides, and says why.
"""

from django.db import migrations

# The key's index is asked by ON CONFLICT, which sees also what was committed while the statement waited for a lock.
POST_ONE = """
CREATE FUNCTION ledger_post_one(
    transfer_id uuid, debit_organisation uuid, debit_kind text, debit_reference text,
    credit_organisation uuid, credit_kind text, credit_reference text, unit text, units bigint,
    key text, why text, cause_type text, cause_id text, cause_detail jsonb, posted_at timestamptz
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    scope text := current_setting('app.all_tenants', true);
    ignored text := set_config('app.all_tenants', 'on', true);
    made boolean;
BEGIN
    WITH locked AS MATERIALIZED (
        SELECT a.id, a.kind, a.posted - a.held AS free,
               a.tenant_id = debit_organisation AND a.kind = debit_kind AND a.reference = debit_reference AS pays
        FROM ledger_account a
        WHERE (a.tenant_id = debit_organisation AND a.kind = debit_kind AND a.currency = unit
               AND a.reference = debit_reference
            OR a.tenant_id = credit_organisation AND a.kind = credit_kind AND a.currency = unit
               AND a.reference = credit_reference)
          AND a.successor_id IS NULL
        ORDER BY a.id FOR NO KEY UPDATE
    )
    INSERT INTO ledger_transfer (
        id, debit_account_id, credit_account_id, debit_tenant_id, credit_tenant_id, amount, currency,
        idempotency_key, reason, source_type, source_id, detail, created_at
    )
    SELECT transfer_id, debited.id, credited.id, debit_organisation, credit_organisation, units, unit,
           key, why, cause_type, cause_id, cause_detail, posted_at
    FROM locked debited, locked credited
    WHERE debited.pays AND NOT credited.pays
      AND (debited.free >= units OR debited.kind = ANY ('{receivable,processor,conversion,chain}'))
    ON CONFLICT (debit_tenant_id, idempotency_key) DO NOTHING;
    made := FOUND;
    IF scope IS DISTINCT FROM 'on' THEN
        ignored := set_config('app.all_tenants', coalesce(scope, ''), true);
    END IF;
    RETURN made;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0005_posting"),
    ]

    operations = [
        migrations.RunSQL(POST_ONE, "DROP FUNCTION ledger_post_one"),
    ]
