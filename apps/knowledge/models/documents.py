"""Uploaded files and how far they have come on their way into the index."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.knowledge.models.bases import KnowledgeBase
from apps.knowledge.models.sources import Source
from apps.knowledge.types import DocumentState


class Document(TenantOwned, TimeStamped):
    """An uploaded file and how far it has come on its way into the index."""

    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.PROTECT, related_name="documents")
    uploader = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="documents")
    external_id = models.CharField(max_length=2000, blank=True, help_text="its address or id in the source")
    name = models.CharField(max_length=255)
    storage_key = models.CharField(max_length=500, blank=True, help_text="empty for a row of a file of records")
    kind = models.CharField(max_length=20, blank=True, help_text="what the bytes are; empty until they were read")
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    text_sha256 = models.CharField(max_length=64, blank=True)
    etag = models.CharField(max_length=300, blank=True, help_text="what the server calls this version")
    seen_run = models.PositiveIntegerField(default=0, help_text="the last sync of the source that listed it")
    state = models.CharField(max_length=12, default=DocumentState.QUEUED)
    cause = models.TextField(blank=True, help_text="why it failed or waits, and what to do, in plain words")
    cause_code = models.CharField(max_length=40, blank=True, help_text="stable word for the cause")
    notes = models.TextField(blank=True, help_text="what was left out while reading, one line each")
    title = models.CharField(max_length=300, blank=True, help_text="what the document calls itself")
    metadata = models.JSONField(default=dict, help_text="names and values that a search can be narrowed by")
    secret = models.TextField(blank=True, help_text="the sealed password of the file, until it was read")
    peak_bytes = models.PositiveBigIntegerField(default=0, help_text="memory that reading it took")
    pages = models.PositiveIntegerField(null=True)
    language = models.CharField(max_length=8, blank=True, help_text="ISO 639-1; und where too little tells it")
    first_number = models.PositiveIntegerField(default=0, help_text="of its chunks, which have numbers in a row")
    term_count = models.PositiveIntegerField(default=0, help_text="terms of all its chunks together; 0: not counted")
    chunk_count = models.PositiveIntegerField(default=0)
    embedded_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["source", "external_id"], name="document_in_source", condition=Q(source__isnull=False))
        ]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "knowledge_base", "sha256"], name="document_once_in_a_base"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in DocumentState]), name="document_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=DocumentState.FAILED) | ~Q(cause=""), name="document_failed_has_cause"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DocumentText(TenantOwned):
    """The whole text of a document; `start` and `end` of its passages count its characters."""

    document = models.OneToOneField(Document, on_delete=models.CASCADE, related_name="content")
    text = models.TextField()

    def __str__(self) -> str:
        return str(self.document_id)
