"""Use case: make sure that documents are there, and stay until the caller's transaction has ended."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from apps.core.tenant import all_tenants


def hold_documents(document_ids: Collection[UUID]) -> int:
    """How many of these exist; none of them can be deleted until the open transaction has ended.

    Whoever stores words of theirs asks first. Only their number is told, so whose they are does not matter.
    """
    with (
        all_tenants(reason="answers are made from documents of other organisations too"),
        connection.cursor() as cursor,
    ):
        # The lock that foreign keys take: any number may hold it, and it waits for nothing but a deletion.
        cursor.execute("SELECT id FROM knowledge_document WHERE id = ANY(%s) FOR KEY SHARE", [list(document_ids)])
        return len(cursor.fetchall())
