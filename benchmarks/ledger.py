"""Ledger transfers against the raw limit of PostgreSQL.

The limit is what a hand-written transaction reaches with the same durable effect: insert one transfer row (whose
triggers move both balances) under the same two row locks, nothing else. One connection, alternating blocks of both,
so that other load on the machine hits both alike. Figure: transfers per second of the service / of the limit.
"""

from __future__ import annotations

import secrets
import time
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from apps.core.ids import uuid7
from apps.core.money import Money
from apps.core.tenant import all_tenants
from apps.ledger import selectors, services
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy import services as tenancy
from apps.tenancy.types import PLATFORM_ID

ROUNDS = 10
BLOCK = 100
SOURCE = SourceRef("benchmark", "ledger")

LOCK = "SELECT id FROM ledger_account WHERE id IN (%s, %s) ORDER BY id FOR UPDATE"
INSERT = """
    INSERT INTO ledger_transfer (id, debit_account_id, credit_account_id, debit_tenant_id, credit_tenant_id, amount,
        currency, idempotency_key, reason, source_type, source_id, detail, created_at)
    VALUES (%s, %s, %s, %s, %s, 1, 'USD', %s, 'benchmark', 'benchmark', 'ledger', '{}', now())
"""


def run() -> dict[str, Any]:
    """Measure; returns rates and their ratio."""
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
    ours = limit = 0.0
    for _ in range(ROUNDS):
        ours += _timed(lambda: _by_service(debit, credit))
        limit += _timed(lambda: _by_hand(debit, credit))
    if set(selectors.trial_balance().values()) != {0} or selectors.replay_differences():
        raise RuntimeError("the books do not balance after the benchmark")
    transfers = ROUNDS * BLOCK
    return {
        "transfers_per_s": round(transfers / ours),
        "limit_per_s": round(transfers / limit),
        "ratio": round(limit / ours, 3),
    }


def _organisation() -> UUID:
    from apps.accounts.services import start_guest
    from apps.tenancy.selectors import personal_organisation_id

    guest = start_guest()
    tenancy.rename_organisation(organisation_id=personal_organisation_id(guest.id), name="Benchmark")
    return personal_organisation_id(guest.id)


def _timed(work: Any) -> float:
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


def _by_hand(debit: AccountRef, credit: AccountRef) -> None:
    with all_tenants(reason="benchmark"):
        debit_id, credit_id = (_account_id(ref) for ref in (debit, credit))
        for _ in range(BLOCK):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(LOCK, (debit_id, credit_id))
                cursor.fetchall()
                values = (uuid7(), debit_id, credit_id, debit.organisation_id, credit.organisation_id)
                cursor.execute(INSERT, (*values, secrets.token_hex(12)))


def _account_id(ref: AccountRef) -> UUID:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM ledger_account WHERE tenant_id = %s AND kind = %s AND currency = %s",
            (ref.organisation_id, ref.kind, ref.currency),
        )
        found: UUID = cursor.fetchone()[0]
    return found
