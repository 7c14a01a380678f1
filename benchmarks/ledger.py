"""Ledger transfers against the raw limit of PostgreSQL, and against django-hordak.

The limit is the fastest client that makes the same writes: psycopg, one prepared INSERT of the transfer's row,
committed by itself, in one round trip. PostgreSQL does the same for it as for us: the triggers lock both accounts in
primary-key order, number and digest the row, and move both balances; foreign keys are checked; the commit is its own.
Only what the service adds is left out: names of accounts, the search for an earlier transfer with the key, the
overdraft check that answers, the payee's live notice, Django. `by_transaction` is the same insert the usual way, in a
transaction after SELECT ... FOR UPDATE.

One connection each, blocks of a hundred by turns, and the median of the blocks, so that other load hits all alike and
a block that something interrupted does not count. django-hordak's Transaction with two legs, made by its own
`transfer_to`, runs in a process and a virtual environment of its own on the same server; it keeps no idempotency
keys, no digests and no stored balances, so it writes less.

The length of a block matters: each switch between contestants finds cold caches, which costs most where most code runs.
Blocks of 10 gave a ratio of 0.56, of 50 0.59, of 100 0.62 in one sitting; a hundred stands for a long run.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from apps.core.ids import uuid7
from apps.core.money import Money
from apps.core.tenant import all_tenants
from apps.ledger import selectors, services
from apps.ledger.types import AccountKind, AccountRef, SourceRef, TransferSpec
from apps.tenancy import services as tenancy
from apps.tenancy.types import PLATFORM_ID
from benchmarks import hordak

ROUNDS = 48
BLOCK = 100
BATCH = 1000
BATCHES = 5
SOURCE = SourceRef("benchmark", "ledger")

LOCK = "SELECT id FROM ledger_account WHERE id IN (%s, %s) ORDER BY id FOR UPDATE"
INSERT = """
    INSERT INTO ledger_transfer (id, debit_account_id, credit_account_id, debit_tenant_id, credit_tenant_id, amount,
        currency, idempotency_key, reason, source_type, source_id, detail, created_at)
    VALUES (%s, %s, %s, %s, %s, 1, 'USD', %s, 'benchmark', 'benchmark', 'ledger', '{}', now())
"""


def run() -> dict[str, Any]:
    """Measure; returns rates and their ratios."""
    payer, payee = _organisation(), _organisation()
    debit = AccountRef(payer, AccountKind.CASH, "USD")
    credit = AccountRef(payee, AccountKind.EARNINGS, "USD")
    services.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=debit,
        amount=Money(10_000_000),
        idempotency_key=f"benchmark:{payer}",
        reason="benchmark",
        source=SOURCE,
    )
    _by_service(debit, credit)  # the first transfer makes the account
    with _raw_connection() as raw, hordak.started() as peer:
        row = (_account_id(debit), _account_id(credit), payer, payee)
        raw_insert = _prepared(raw, row)
        raw_insert()
        works: dict[str, Callable[[], None]] = {
            "transfers_per_s": lambda: _by_service(debit, credit),
            "limit_per_s": raw_insert,
            "by_transaction_per_s": lambda: _by_transaction(raw, row),
        }
        if peer.why_not is None:
            works["hordak_per_s"] = lambda: peer.block(BLOCK)
        seconds = {name: _least(work) for name, work in works.items()}
        permutations = list(itertools.permutations(works))
        for turn in range(ROUNDS):
            # Each follows each other equally often: who comes after a slow one finds cold caches.
            for name in permutations[turn % len(permutations)]:
                seconds[name].append(_timed(works[name]))
        batches = _batches(debit, credit, raw, row)
        note = peer.why_not
    if set(selectors.trial_balance().values()) != {0} or selectors.replay_differences():
        raise RuntimeError("the books do not balance after the benchmark")
    rates = {name: BLOCK / median(took) for name, took in seconds.items()}
    return {
        **{name: round(rate) for name, rate in rates.items()},
        "ratio": round(rates["transfers_per_s"] / rates["limit_per_s"], 3),
        "ratio_to_by_transaction": round(rates["transfers_per_s"] / rates["by_transaction_per_s"], 3),
        "times_hordak": round(rates["transfers_per_s"] / rates["hordak_per_s"], 2) if note is None else note,
        **batches,
    }


def _least(work: Callable[[], None]) -> list[float]:
    work()  # warm
    return []


def _batches(
    debit: AccountRef, credit: AccountRef, raw: psycopg.Connection[Any], row: tuple[UUID, ...]
) -> dict[str, Any]:
    """Rows a second of batches of 1,000, against the same inserts pipelined in one transaction."""
    ours = limit = 0.0
    for _ in range(BATCHES):
        ours += _timed(lambda: _batch(debit, credit))
        limit += _timed(lambda: _pipelined(raw, row))
    made = BATCHES * BATCH
    return {
        "batch_rows_per_s": round(made / ours),
        "batch_limit_per_s": round(made / limit),
        "batch_ratio": round(limit / ours, 3),
    }


def _organisation() -> UUID:
    from apps.accounts.services import start_guest
    from apps.tenancy.selectors import personal_organisation_id

    guest = start_guest()
    tenancy.rename_organisation(organisation_id=personal_organisation_id(guest.id), name="Benchmark")
    return personal_organisation_id(guest.id)


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _by_service(debit: AccountRef, credit: AccountRef) -> None:
    for _ in range(BLOCK):
        services.transfer(
            debit=debit,
            credit=credit,
            amount=Money(1),
            idempotency_key=secrets.token_hex(12),
            reason="benchmark",
            source=SOURCE,
        )


def _batch(debit: AccountRef, credit: AccountRef) -> None:
    services.post_batch(
        [TransferSpec(debit, credit, Money(1), secrets.token_hex(12), "benchmark", SOURCE) for _ in range(BATCH)]
    )


def _raw_connection() -> psycopg.Connection[Any]:
    """The application's role without Django; row-level security shows it every organisation, as for the service."""
    settings = connection.settings_dict
    raw = psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        autocommit=True,
    )
    raw.execute("SELECT set_config('app.all_tenants', 'on', false)")
    return raw


def _prepared(raw: psycopg.Connection[Any], row: tuple[UUID, ...]) -> Callable[[], None]:
    def insert() -> None:
        for _ in range(BLOCK):
            raw.execute(INSERT, (uuid7(), *row, secrets.token_hex(12)), prepare=True)

    return insert


def _by_transaction(raw: psycopg.Connection[Any], row: tuple[UUID, ...]) -> None:
    for _ in range(BLOCK):
        with raw.transaction():
            raw.execute(LOCK, row[:2], prepare=True)
            raw.execute(INSERT, (uuid7(), *row, secrets.token_hex(12)), prepare=True)


def _pipelined(raw: psycopg.Connection[Any], row: tuple[UUID, ...]) -> None:
    with raw.transaction(), raw.cursor() as cursor:
        cursor.executemany(INSERT, [(uuid7(), *row, secrets.token_hex(12)) for _ in range(BATCH)])


def _account_id(ref: AccountRef) -> UUID:
    with all_tenants(reason="benchmark"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM ledger_account WHERE tenant_id = %s AND kind = %s AND currency = %s",
            (ref.organisation_id, ref.kind, ref.currency),
        )
        found: UUID = cursor.fetchone()[0]
    return found
