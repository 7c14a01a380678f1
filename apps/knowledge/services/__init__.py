"""Writes of the knowledge app."""

from apps.knowledge.services.create_base import create_knowledge_base
from apps.knowledge.services.documents import Upload, add_documents, remove_document, retry_document, uploads
from apps.knowledge.services.indexing import renew_chunk
from apps.knowledge.services.ingest import ingest_document
from apps.knowledge.services.release import release_version
from apps.knowledge.services.segments import index_base, index_due_bases

__all__ = [
    "Upload",
    "add_documents",
    "create_knowledge_base",
    "index_base",
    "index_due_bases",
    "ingest_document",
    "release_version",
    "remove_document",
    "renew_chunk",
    "retry_document",
    "uploads",
]
