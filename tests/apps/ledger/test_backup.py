"""A database from before the hash chain is migrated, dumped, restored into a new one, and verified: for real.

Takes a database of its own: rows of before the chain exist nowhere else.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sahara_platform.embedded.postgres import binary
from tests.parts import POSTGRES

ROOT = Path(__file__).resolve().parents[3]
#: Two organisations' money as migration 0002 stored it: no sequences, no digests; one transfer from a hold.
OLD_ROWS = """
    SELECT set_config('app.all_tenants', 'on', false);
    INSERT INTO tenancy_organisation SELECT (jsonb_populate_record(o, jsonb_build_object(
        'id', '00000000-0000-7000-8000-00000000000' || n, 'name', 'Org ' || n, 'slug', 'org-' || n,
        'kind', 'team'))).* FROM tenancy_organisation o, generate_series(2, 3) n
        WHERE o.id = '00000000-0000-7000-8000-000000000001';
    INSERT INTO ledger_account (id, tenant_id, kind, currency, reference, posted, held, created_at)
    SELECT ('00000000-0000-7000-9000-00000000000' || n)::uuid, ('00000000-0000-7000-8000-00000000000' || n)::uuid,
        (ARRAY['processor', 'cash', 'earnings'])[n], 'USD', '', 0, 0, now() FROM generate_series(1, 3) n;
    INSERT INTO ledger_transfer (id, debit_account_id, credit_account_id, debit_tenant_id, credit_tenant_id, amount,
        currency, idempotency_key, reason, source_type, source_id, detail, created_at)
    SELECT ('00000000-0000-7000-a000-0000000000' || (10 + n))::uuid,
        ('00000000-0000-7000-9000-00000000000' || d)::uuid, ('00000000-0000-7000-9000-00000000000' || d + 1)::uuid,
        ('00000000-0000-7000-8000-00000000000' || d)::uuid, ('00000000-0000-7000-8000-00000000000' || d + 1)::uuid,
        100 / d, 'USD', 'key ' || n, 'Größe “x”', 'test', '1', '{"b": 1.50, "a": ["ü", null]}', now()
    FROM (SELECT n, CASE WHEN n < 4 THEN 1 ELSE 2 END AS d FROM generate_series(1, 6) n) numbered;
"""


@pytest.fixture
def databases():
    names = [f"backup_{os.getpid()}_{secrets.token_hex(3)}" for _ in range(2)]
    for name in names:
        POSTGRES.create_database(name)
    yield names
    for name in names:
        POSTGRES.drop_database(name)


def manage(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "DATABASE_URL": POSTGRES.app_url(database),
        "DATABASE_OWNER_URL": POSTGRES.owner_url(database),
    }
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def verified(database: str) -> dict[str, Any]:
    done = manage(database, "verify_ledger", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 0) == found["sound"], done.stderr
    return found


@pytest.mark.timeout(600)
def test_rows_from_before_the_chain_are_chained_and_a_restored_backup_is_verified(databases, tmp_path):
    source, target = databases
    for app in (("tenancy",), ("ledger", "0002")):
        before = manage(source, "migrate", *app, "--database", "owner", "--verbosity", "0")
        assert before.returncode == 0, before.stderr
    with psycopg.connect(POSTGRES.owner_url(source), autocommit=True) as owner:
        owner.execute(OLD_ROWS)
    after = manage(source, "migrate", "ledger", "--database", "owner", "--verbosity", "0")
    assert after.returncode == 0, after.stderr
    migrated = verified(source)
    assert (migrated["sound"], migrated["transfers"], migrated["accounts"]) == (True, 6, 3)

    dump = tmp_path / "backup.dump"
    environment = os.environ | {"PGOPTIONS": "-c app.all_tenants=on"}
    # The owner is bound by row-level security as well: it says that it wants every organisation's rows.
    commands = (
        [binary("pg_dump"), "--format=custom", "--enable-row-security", f"--file={dump}", POSTGRES.owner_url(source)],
        [binary("pg_restore"), "--exit-on-error", "--no-comments", "--schema=public", "--clean", "--if-exists",
         f"--dbname={POSTGRES._url('postgres', target)}", str(dump)],
    )  # fmt: skip
    for command in commands:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert {name: value for name, value in verified(target).items() if name != "s"} == {
        name: value for name, value in migrated.items() if name != "s"
    }

    with psycopg.connect(POSTGRES._url("postgres", target), autocommit=True) as by_hand:
        by_hand.execute("SET session_replication_role = replica")
        by_hand.execute("UPDATE ledger_transfer SET reason = reason || '.' WHERE idempotency_key = 'key 2'")
    altered = verified(target)
    assert [finding["row"] for finding in altered["findings"]] == ["00000000-0000-7000-a000-000000000012"]
