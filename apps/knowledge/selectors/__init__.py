"""Reads of the knowledge app."""

from apps.knowledge.selectors.bases import (
    attachment_base_id,
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
    documents_by_id,
    knowledge_base,
    knowledge_bases,
    latest_release,
    release,
    release_of_version,
    releases,
)
from apps.knowledge.selectors.cited import document_names, text_at
from apps.knowledge.selectors.passages import passages
from apps.knowledge.selectors.privacy import privacy, privacy_rules, told_to
from apps.knowledge.selectors.questions import question_set_in, question_set_info, question_set_rows, question_sets
from apps.knowledge.selectors.quotes import best_quotes, find_quotes
from apps.knowledge.selectors.search import rank_documents, search
from apps.knowledge.selectors.sources import source_in, source_info, source_rows, sources
from apps.knowledge.selectors.words import WeightedWord, term_weights

__all__ = [
    "WeightedWord",
    "attachment_base_id",
    "base_info",
    "base_rows",
    "best_quotes",
    "document",
    "document_chunks",
    "document_in",
    "document_info",
    "document_names",
    "document_rows",
    "document_text",
    "document_url",
    "documents",
    "documents_by_id",
    "find_quotes",
    "knowledge_base",
    "knowledge_bases",
    "latest_release",
    "passages",
    "privacy",
    "privacy_rules",
    "question_set_in",
    "question_set_info",
    "question_set_rows",
    "question_sets",
    "rank_documents",
    "release",
    "release_of_version",
    "releases",
    "search",
    "source_in",
    "source_info",
    "source_rows",
    "sources",
    "term_weights",
    "text_at",
    "told_to",
]
