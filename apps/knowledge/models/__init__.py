"""Tables of knowledge bases; each module has those of one matter."""

from __future__ import annotations

from apps.knowledge.models.bases import KnowledgeBase, KnowledgeBaseRelease
from apps.knowledge.models.chunks import Chunk
from apps.knowledge.models.documents import Document, DocumentText
from apps.knowledge.models.edits import ChunkEdit
from apps.knowledge.models.lexical import LexicalSegment, PendingTerms, PostingBlock, RemovedChunks
from apps.knowledge.models.privacy import KnowledgePrivacy, ToldSpans
from apps.knowledge.models.questions import QuestionRun, QuestionSet
from apps.knowledge.models.sources import Source

__all__ = [
    "Chunk",
    "ChunkEdit",
    "Document",
    "DocumentText",
    "KnowledgeBase",
    "KnowledgeBaseRelease",
    "KnowledgePrivacy",
    "LexicalSegment",
    "PendingTerms",
    "PostingBlock",
    "QuestionRun",
    "QuestionSet",
    "RemovedChunks",
    "Source",
    "ToldSpans",
]
