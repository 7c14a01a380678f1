"""Work that follows events."""

from __future__ import annotations

from apps.core import vault
from apps.core.outbox import handles
from apps.knowledge import services
from apps.knowledge.events import DocumentQueued, QuestionRunQueued, SourceQueued
from apps.knowledge.models import Document, Source


@handles(DocumentQueued, long_running=True)
def on_document_queued(event: DocumentQueued) -> None:
    """Read and embed the document."""
    services.ingest_document(event.document_id)


@handles(SourceQueued, long_running=True)
def on_source_queued(event: SourceQueued) -> None:
    """Take what the source holds."""
    services.sync_source(event.source_id, event.run)


@handles(QuestionRunQueued, long_running=True)
def on_question_run_queued(event: QuestionRunQueued) -> None:
    """Ask the questions."""
    services.run_questions(event.run_id)


vault.holds_objects(Document)
vault.holds_objects(Source)
