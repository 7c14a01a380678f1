"""Tables of knowledge bases; each module has those of one matter."""

from __future__ import annotations

from apps.knowledge.models.bases import KnowledgeBase, KnowledgeBaseRelease
from apps.knowledge.models.chunks import TEXT_SEARCH_CONFIG, Chunk
from apps.knowledge.models.documents import Document, DocumentText

__all__ = [
    "TEXT_SEARCH_CONFIG",
    "Chunk",
    "Document",
    "DocumentText",
    "KnowledgeBase",
    "KnowledgeBaseRelease",
]
