"""Sources as plain values."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from apps.core.errors import NotFound
from apps.knowledge.models import Source
from apps.knowledge.policies import require
from apps.knowledge.selectors.bases import get_base
from apps.knowledge.types import (
    KnowledgePermission,
    SourceFailure,
    SourceInfo,
    SourceKind,
    SourceState,
    SyncSchedule,
)
from apps.tenancy.types import Actor


def source_rows(actor: Actor, knowledge_base_id: UUID) -> QuerySet[Source]:
    """The rows behind `sources`, for cursor pages."""
    return Source.objects.filter(knowledge_base=get_base(actor, knowledge_base_id, KnowledgePermission.VIEW))


def sources(actor: Actor, knowledge_base_id: UUID) -> list[SourceInfo]:
    """The sources of a knowledge base, newest first."""
    return [source_info(row) for row in source_rows(actor, knowledge_base_id)]


def source_in(actor: Actor, knowledge_base_id: UUID, source_id: UUID) -> SourceInfo:
    """The source, if it is in that knowledge base.

    Raises:
        NotFound: otherwise.
    """
    row = get_source(actor, source_id, KnowledgePermission.VIEW)
    if row.knowledge_base_id != knowledge_base_id:
        raise NotFound("source_not_found", "There is no such source.")
    return source_info(row)


def get_source(actor: Actor, source_id: UUID, permission: KnowledgePermission) -> Source:
    """The row, after the permission check."""
    row = Source.objects.filter(id=source_id).first()
    if row is None:
        raise NotFound("source_not_found", "There is no such source.")
    require(actor, permission, row)
    return row


def source_info(row: Source) -> SourceInfo:
    """A source row as a plain value; keys are never part of it."""
    return SourceInfo(
        id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        kind=SourceKind(row.kind),
        name=row.name,
        addresses=tuple(row.addresses),
        schedule=SyncSchedule(row.schedule),
        state=SourceState(row.state),
        cause=row.cause,
        total=row.total,
        done=row.done,
        result=dict(row.result),
        failures=tuple(SourceFailure(one["address"], one["cause"]) for one in row.failures),
        synced_at=row.synced_at,
        next_sync_at=row.next_sync_at,
        created_at=row.created_at,
    )
