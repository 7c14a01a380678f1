"""What happened in knowledge bases."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class DocumentQueued(Event):
    """A document was uploaded, or shall be read once more."""

    document_id: UUID


@dataclass(frozen=True)
class SourceQueued(Event):
    """A source shall be looked at; `run` counts its syncs."""

    source_id: UUID
    run: int


@dataclass(frozen=True)
class QuestionRunQueued(Event):
    """The questions of a set shall be asked."""

    run_id: UUID


@dataclass(frozen=True)
class KnowledgeBaseReleased(Event):
    """A snapshot of a knowledge base became an asset version."""

    knowledge_base_id: UUID
    asset_version_id: UUID


@dataclass(frozen=True)
class DocumentsRemoved(Event):
    """Documents of a knowledge base were deleted: nothing that was made from them shall stay."""

    knowledge_base_id: UUID
    document_ids: list[str]
