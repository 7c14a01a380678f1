"""Locks of accounts."""

from __future__ import annotations

from uuid import UUID

from django.db import connection


def lock_wallet_of(organisation_id: UUID) -> None:
    """Only one change of an organisation's wallet at a time, until the transaction ends; there may be no row yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"wallet:{organisation_id}"])
