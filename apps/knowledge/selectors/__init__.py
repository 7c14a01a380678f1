"""Reads of the knowledge app."""

from apps.knowledge.selectors.bases import (
    base_info,
    base_rows,
    document,
    document_chunks,
    document_in,
    document_info,
    document_rows,
    document_text,
    document_url,
    documents,
    knowledge_base,
    knowledge_bases,
    latest_release,
    release,
    release_of_version,
    releases,
)
from apps.knowledge.selectors.quotes import best_quotes
from apps.knowledge.selectors.search import search
from apps.knowledge.selectors.sources import source_in, source_rows, sources

__all__ = [
    "base_info",
    "base_rows",
    "best_quotes",
    "document",
    "document_chunks",
    "document_in",
    "document_info",
    "document_rows",
    "document_text",
    "document_url",
    "documents",
    "knowledge_base",
    "knowledge_bases",
    "latest_release",
    "release",
    "release_of_version",
    "releases",
    "search",
    "source_in",
    "source_rows",
    "sources",
]
