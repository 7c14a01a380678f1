"""Work that follows events."""

from __future__ import annotations

from apps.core.outbox import handles
from apps.knowledge import services
from apps.knowledge.events import DocumentQueued


@handles(DocumentQueued, long_running=True)
def on_document_queued(event: DocumentQueued) -> None:
    """Read and embed the document."""
    services.ingest_document(event.document_id)
