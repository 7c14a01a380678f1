"""Writes of the knowledge app."""

from apps.knowledge.services.create_base import create_knowledge_base
from apps.knowledge.services.documents import Upload, add_documents, remove_document, retry_document, uploads
from apps.knowledge.services.ingest import ingest_document
from apps.knowledge.services.release import release_version

__all__ = [
    "Upload",
    "add_documents",
    "create_knowledge_base",
    "ingest_document",
    "release_version",
    "remove_document",
    "retry_document",
    "uploads",
]
