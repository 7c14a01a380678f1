"""The sync of a source, outside a transaction: what a killed worker leaves, the next takes up."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.core import clock, live, vault
from apps.core.errors import DependencyFailed, DomainError
from apps.knowledge.models import Source
from apps.knowledge.services.documents import topic
from apps.knowledge.services.records import Tally, ingest_records
from apps.knowledge.services.taking import take_documents
from apps.knowledge.types import SourceKind, SourceState


def sync_source(source_id: UUID, run: int) -> None:
    """Take what is new or changed in a source, and remove what is gone there.

    Repeating the call is harmless: a run that has ended is left alone, one that was cut off goes on.

    Raises:
        DependencyFailed: the runner does not answer; the outbox delivers again later.
    """
    source = Source.objects.filter(id=source_id, run=run).first()
    if source is None or source.state not in (SourceState.QUEUED, SourceState.SYNCING):
        return
    _update(source, state=SourceState.SYNCING, cause="")
    try:
        tally = _taken(source)
    except DependencyFailed as error:
        is_locked = isinstance(error, vault.VaultLocked)
        missing = "platform's master key" if is_locked else "embedding service, which does not answer"
        waiting = f"{source.name} waits for the {missing}. It goes on by itself."
        _update(source, cause=waiting)
        raise
    except DomainError as error:
        _update(source, state=SourceState.FAILED, cause=f"{source.name}: {error.message}", synced_at=clock.now())
        return
    _update(
        source,
        state=SourceState.SYNCED,
        cause="",
        synced_at=clock.now(),
        result=tally.result(),
        failures=[{"address": one.address, "cause": one.cause} for one in tally.failures],
    )


def _taken(source: Source) -> Tally:
    if source.kind == SourceKind.RECORDS:
        return ingest_records(source)
    return take_documents(source)


def _update(source: Source, **values: object) -> None:
    with transaction.atomic():
        Source.objects.filter(id=source.id, run=source.run).update(**values)
        live.notify(topic(source.knowledge_base_id))
