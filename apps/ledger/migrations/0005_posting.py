"""Posting in one round trip: functions that lock, look for earlier transfers, refuse, and insert.

They answer what they refuse in `problem` instead of raising, before anything is inserted, so that the caller's
transaction stays usable. They see both sides of a transfer (`app.all_tenants`, put back at the end) and give nothing away but
what their caller named. Accounts are locked in primary-key order, a hold before them.
"""

from django.db import migrations

OPEN_ACCOUNT = """
CREATE FUNCTION ledger_open_account(name jsonb, opened_at timestamptz) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    opened uuid;
BEGIN
    INSERT INTO ledger_account (id, tenant_id, kind, currency, reference, posted, held, sequence, created_at)
    VALUES ((name->>4)::uuid, (name->>0)::uuid, name->>1, name->>2, name->>3, 0, 0, 0, opened_at)
    ON CONFLICT (tenant_id, kind, currency, reference) DO NOTHING RETURNING id INTO opened;
    IF opened IS NULL THEN
        SELECT id INTO opened FROM ledger_account
        WHERE tenant_id = (name->>0)::uuid AND kind = name->>1 AND currency = name->>2 AND reference = name->>3;
    END IF;
    RETURN opened;
END $$
"""

# accounts: [[organisation, kind, currency, reference, id if new], ...] in the order of their names; with a hold the
# first one is the hold's and null. transfers: [[debit, credit (places in accounts, from 1), id, amount, key, reason,
# source type, source id, detail], ...]
POST = """
CREATE FUNCTION ledger_post(
    accounts jsonb, transfers jsonb, posted_at timestamptz, from_hold uuid,
    OUT problem text, OUT place integer, OUT available bigint, OUT earlier uuid[], OUT payees uuid[]
) LANGUAGE plpgsql AS $$
DECLARE
    account_count integer := jsonb_array_length(accounts);
    transfer_count integer := jsonb_array_length(transfers);
    named uuid[] := array_fill(NULL::uuid, ARRAY[account_count]);
    resolved uuid[] := array_fill(NULL::uuid, ARRAY[account_count]);
    tenants uuid[] := array_fill(NULL::uuid, ARRAY[account_count]);
    kinds text[] := array_fill(NULL::text, ARRAY[account_count]);
    free bigint[] := array_fill(NULL::bigint, ARRAY[account_count]);
    hold_account uuid;
    hold_open bigint;
    hold_end timestamptz;
    merged boolean;
    stale boolean;
    account ledger_account;
    found_id uuid;
    heir uuid;
    name jsonb;
    move jsonb;
    debit integer;
    credit integer;
    units bigint;
    known record;
    scope text := current_setting('app.all_tenants', true);
BEGIN
    PERFORM set_config('app.all_tenants', 'on', true);
    <<posting>>
    BEGIN
        earlier := array_fill(NULL::uuid, ARRAY[transfer_count]);
        payees := '{}';
        IF from_hold IS NOT NULL THEN
            SELECT h.account_id, h.amount - h.captured - h.released, h.expires_at INTO hold_account, hold_open, hold_end
            FROM ledger_hold h WHERE h.id = from_hold FOR NO KEY UPDATE;
            IF NOT FOUND THEN
                problem := 'hold_not_found';
                EXIT posting;
            END IF;
            IF hold_end <= posted_at THEN
                hold_open := 0;
            END IF;
        END IF;

        LOOP
            merged := false;
            FOR i IN 1..account_count LOOP
                name := accounts->(i - 1);
                IF i = 1 AND from_hold IS NOT NULL THEN
                    found_id := hold_account;
                    heir := NULL;
                ELSE
                    SELECT a.id, a.successor_id INTO found_id, heir FROM ledger_account a
                    WHERE a.tenant_id = (name->>0)::uuid AND a.kind = name->>1 AND a.currency = name->>2
                      AND a.reference = name->>3;
                    IF NOT FOUND THEN
                        found_id := ledger_open_account(name, posted_at);
                    END IF;
                END IF;
                named[i] := found_id;
                resolved[i] := coalesce(heir, found_id);
                merged := merged OR heir IS NOT NULL;
            END LOOP;

            stale := false;
            FOR account IN SELECT a.* FROM ledger_account a WHERE a.id = ANY (resolved) ORDER BY a.id FOR NO KEY UPDATE LOOP
                debit := array_position(resolved, account.id);
                tenants[debit] := account.tenant_id;
                kinds[debit] := account.kind;
                free[debit] := account.posted - account.held;
                -- A successor was named between the look and the lock.
                stale := stale OR account.successor_id IS NOT NULL AND account.id IS DISTINCT FROM hold_account;
            END LOOP;
            EXIT WHEN NOT stale;
        END LOOP;

        FOR i IN 1..transfer_count LOOP
            move := transfers->(i - 1);
            debit := (move->>0)::integer;
            credit := (move->>1)::integer;
            units := (move->>3)::bigint;
            IF merged THEN
                debit := array_position(resolved, resolved[debit]);
                credit := array_position(resolved, resolved[credit]);
            END IF;
            SELECT t.id, t.amount, t.debit_account_id, t.credit_account_id INTO known FROM ledger_transfer t
            WHERE t.debit_tenant_id = tenants[debit] AND t.idempotency_key = move->>4;
            IF NOT FOUND AND merged THEN
                SELECT t.id, t.amount, t.debit_account_id, t.credit_account_id INTO known
                FROM ledger_transfer t JOIN ledger_account a ON a.id = named[(move->>0)::integer]
                WHERE t.debit_tenant_id = a.tenant_id AND t.idempotency_key = move->>4;
            END IF;
            IF FOUND THEN
                IF known.amount <> units
                   OR known.debit_account_id NOT IN (named[(move->>0)::integer], resolved[(move->>0)::integer])
                   OR known.credit_account_id NOT IN (named[(move->>1)::integer], resolved[(move->>1)::integer]) THEN
                    problem := 'key_reused';
                    place := i;
                    EXIT posting;
                END IF;
                earlier[i] := known.id;
            ELSIF from_hold IS NOT NULL THEN
                IF units > hold_open THEN
                    problem := 'hold_exceeded';
                    place := i;
                    available := hold_open;
                    EXIT posting;
                END IF;
                hold_open := hold_open - units;
            ELSE
                IF free[debit] < units AND kinds[debit] <> ALL ('{receivable,processor,conversion,chain}') THEN
                    problem := 'insufficient_funds';
                    place := i;
                    available := free[debit];
                    EXIT posting;
                END IF;
                free[debit] := free[debit] - units;
                free[credit] := free[credit] + units;
            END IF;
        END LOOP;

        FOR i IN 1..transfer_count LOOP
            CONTINUE WHEN earlier[i] IS NOT NULL;
            move := transfers->(i - 1);
            debit := (move->>0)::integer;
            credit := (move->>1)::integer;
            IF merged THEN
                debit := array_position(resolved, resolved[debit]);
                credit := array_position(resolved, resolved[credit]);
            END IF;
            INSERT INTO ledger_transfer (
                id, debit_account_id, credit_account_id, debit_tenant_id, credit_tenant_id, amount, currency,
                idempotency_key, reason, source_type, source_id, detail, hold_id, created_at
            ) VALUES (
                (move->>2)::uuid, resolved[debit], resolved[credit], tenants[debit], tenants[credit], (move->>3)::bigint,
                accounts->((move->>1)::integer - 1)->>2, move->>4, move->>5, move->>6, move->>7, move->8, from_hold,
                posted_at
            );
            IF kinds[credit] = 'earnings' AND tenants[credit] <> ALL (payees) THEN
                payees := payees || tenants[credit];
            END IF;
        END LOOP;
    END;
    PERFORM set_config('app.all_tenants', coalesce(scope, ''), true);
END $$
"""

PLACE_HOLD = """
CREATE FUNCTION ledger_place_hold(
    name jsonb, new_id uuid, units bigint, key text, why text, cause_type text, cause_id text, placed_at timestamptz,
    ends_at timestamptz, OUT problem text, OUT available bigint, OUT hold ledger_hold
) LANGUAGE plpgsql AS $$
DECLARE
    account ledger_account;
    heir uuid;
    scope text := current_setting('app.all_tenants', true);
BEGIN
    PERFORM set_config('app.all_tenants', 'on', true);
    <<posting>>
    BEGIN
        SELECT a.id INTO account.id FROM ledger_account a
        WHERE a.tenant_id = (name->>0)::uuid AND a.kind = name->>1 AND a.currency = name->>2 AND a.reference = name->>3;
        IF NOT FOUND THEN
            account.id := ledger_open_account(name, placed_at);
        END IF;
        LOOP
            SELECT a.* INTO account FROM ledger_account a WHERE a.id = coalesce(heir, account.id) FOR NO KEY UPDATE;
            heir := account.successor_id;
            EXIT WHEN heir IS NULL;
        END LOOP;
        SELECT h.* INTO hold FROM ledger_hold h WHERE h.tenant_id = account.tenant_id AND h.idempotency_key = key;
        IF FOUND THEN
            IF hold.amount <> units OR hold.account_id <> account.id THEN
                problem := 'key_reused';
            END IF;
            EXIT posting;
        END IF;
        IF account.posted - account.held < units AND account.kind <> ALL ('{receivable,processor,conversion,chain}') THEN
            problem := 'insufficient_funds';
            available := account.posted - account.held;
            EXIT posting;
        END IF;
        INSERT INTO ledger_hold (id, tenant_id, account_id, amount, captured, released, idempotency_key, reason,
                                 source_type, source_id, created_at, expires_at)
        VALUES (new_id, account.tenant_id, account.id, units, 0, 0, key, why, cause_type, cause_id, placed_at, ends_at)
        RETURNING * INTO hold;
    END;
    PERFORM set_config('app.all_tenants', coalesce(scope, ''), true);
END $$
"""

# units NULL: all that is open.
RELEASE_HOLD = """
CREATE FUNCTION ledger_release_hold(
    hold_id uuid, units bigint, OUT problem text, OUT hold ledger_hold, OUT currency text
) LANGUAGE plpgsql AS $$
DECLARE
    scope text := current_setting('app.all_tenants', true);
BEGIN
    PERFORM set_config('app.all_tenants', 'on', true);
    <<posting>>
    BEGIN
        SELECT h.* INTO hold FROM ledger_hold h WHERE h.id = hold_id FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            problem := 'hold_not_found';
            EXIT posting;
        END IF;
        SELECT a.currency INTO currency FROM ledger_account a WHERE a.id = hold.account_id;
        units := coalesce(units, hold.amount - hold.captured - hold.released);
        IF units > hold.amount - hold.captured - hold.released THEN
            problem := 'hold_exceeded';
        ELSIF units > 0 THEN
            UPDATE ledger_hold h SET released = h.released + units WHERE h.id = hold_id RETURNING * INTO hold;
        END IF;
    END;
    PERFORM set_config('app.all_tenants', coalesce(scope, ''), true);
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0004_hash_chain"),
    ]

    operations = [
        migrations.RunSQL(OPEN_ACCOUNT, "DROP FUNCTION ledger_open_account"),
        migrations.RunSQL(POST, "DROP FUNCTION ledger_post"),
        migrations.RunSQL(PLACE_HOLD, "DROP FUNCTION ledger_place_hold"),
        migrations.RunSQL(RELEASE_HOLD, "DROP FUNCTION ledger_release_hold"),
    ]
