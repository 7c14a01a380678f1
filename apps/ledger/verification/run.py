"""One verification: a read-only snapshot, streamed through the comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import connections
from psycopg.rows import dict_row

from apps.core.tenant import all_tenants, begin_in_scope
from apps.ledger.verification.chains import ACCOUNTS, SIDES, walk_chains
from apps.ledger.verification.checkpoints import (
    CHECKPOINTS,
    COMMITMENTS,
    HEADS,
    compare_commitments,
    walk_checkpoints,
)
from apps.ledger.verification.report import Finding, Tally

Row = dict[str, Any]

BATCH = 2000
HOLDS = """
    SELECT holds.id, holds.captured, coalesce(captures.total, 0)::bigint AS total
    FROM ledger_hold holds
    LEFT JOIN (
        SELECT hold_id, sum(amount) AS total FROM ledger_transfer WHERE hold_id IS NOT NULL GROUP BY hold_id
    ) captures ON captures.hold_id = holds.id
    ORDER BY holds.id
"""


def read_only_connection(alias: str = "default") -> psycopg.Connection[Any]:
    """A connection of its own to a configured database: one snapshot, all organisations, no writing."""
    parameters = connections[alias].get_connection_params()
    parameters.pop("cursor_factory", None)
    made = psycopg.connect(**parameters)
    made.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    made.read_only = True
    with all_tenants(reason="a verification reads every account"):
        begin_in_scope(made)
    return made


def verify(connection: psycopg.Connection[Any], tally: Tally) -> Iterator[Finding]:
    """Recompute everything and report what differs; nothing where the ledger is sound.

    Args:
        connection: sees every row (`read_only_connection`, or a role that row-level security does not bind).
        tally: counts what was read.
    """
    yield from walk_chains(_rows(connection, "accounts", ACCOUNTS), _rows(connection, "sides", SIDES), tally)
    for currency, units in sorted(tally.sums.items()):
        if units:
            yield Finding("ledger", currency, "sum", f"all accounts together make {units}, not 0")
    for hold in _rows(connection, "holds", HOLDS):
        tally.holds += 1
        if hold["captured"] != hold["total"]:
            message = f"{hold['captured']} was captured, its transfers make {hold['total']}"
            yield Finding("hold", str(hold["id"]), "captured", message)
    yield from walk_checkpoints(_rows(connection, "checkpoints", CHECKPOINTS), _rows(connection, "heads", HEADS), tally)
    yield from compare_commitments(_rows(connection, "commitments", COMMITMENTS), tally)


def _rows(connection: psycopg.Connection[Any], name: str, query: str) -> Iterator[Row]:
    with connection.cursor(name=f"verify_{name}", row_factory=dict_row) as cursor:
        cursor.itersize = BATCH
        cursor.execute(query)
        yield from cursor
