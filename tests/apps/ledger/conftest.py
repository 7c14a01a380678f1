"""What the ledger's tests share: short ways to move money, and a hand that can alter stored rows."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from apps.core.money import Money
from apps.ledger import services
from apps.ledger.types import AccountRef, SourceRef, TransferInfo


@pytest.fixture
def pay(db: None) -> Callable[..., TransferInfo]:
    """`pay(debit, credit, cents, key=…, **detail)`: one transfer."""

    def make(debit: AccountRef, credit: AccountRef, cents: int, key: str = "", **detail: Any) -> TransferInfo:
        return services.transfer(
            debit=debit,
            credit=credit,
            amount=Money(cents),
            idempotency_key=key or secrets.token_hex(8),
            reason="Label accepted: “Größe”",
            source=SourceRef("test.label", "1", detail),
        )

    return make


@pytest.fixture
def by_hand(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """A superuser with all triggers off, whose changes are rolled back: somebody who owns the machine."""
    from tests.parts import DATABASE, POSTGRES

    with psycopg.connect(POSTGRES._url("postgres", DATABASE)) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        yield connection
        connection.rollback()
