"""Writes of the knowledge app."""

from apps.knowledge.services.attachments import add_attachment, remove_attachment
from apps.knowledge.services.create_base import create_knowledge_base
from apps.knowledge.services.documents import Upload, add_documents, remove_document, retry_document, uploads
from apps.knowledge.services.edit_chunks import edit_chunk, set_chunk_excluded
from apps.knowledge.services.holding import hold_documents
from apps.knowledge.services.indexing import renew_chunk
from apps.knowledge.services.ingest import ingest_document
from apps.knowledge.services.privacy import note_told, plant_canary, set_privacy
from apps.knowledge.services.question_sets import (
    add_question_set,
    ask_question_set,
    remove_question_set,
    run_questions,
)
from apps.knowledge.services.release import release_version
from apps.knowledge.services.segments import index_base, index_due_bases
from apps.knowledge.services.shredding import shred_base, shred_organisation
from apps.knowledge.services.sources import (
    add_bucket,
    add_pages,
    add_records,
    queue_due_sources,
    remove_source,
    set_schedule,
    sync_now,
)
from apps.knowledge.services.syncing import sync_source
from apps.knowledge.services.trust import measure_due_trust

__all__ = [
    "Upload",
    "add_attachment",
    "add_bucket",
    "add_documents",
    "add_pages",
    "add_question_set",
    "add_records",
    "ask_question_set",
    "create_knowledge_base",
    "edit_chunk",
    "hold_documents",
    "index_base",
    "index_due_bases",
    "ingest_document",
    "measure_due_trust",
    "note_told",
    "plant_canary",
    "queue_due_sources",
    "release_version",
    "remove_attachment",
    "remove_document",
    "remove_question_set",
    "remove_source",
    "renew_chunk",
    "retry_document",
    "run_questions",
    "set_chunk_excluded",
    "set_privacy",
    "set_schedule",
    "shred_base",
    "shred_organisation",
    "sync_now",
    "sync_source",
    "uploads",
]
