"""Tables of knowledge bases, their documents and the searchable chunks."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Q
from pgvector.django import HnswIndex, VectorField

from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.knowledge.types import EMBEDDING_DIMENSIONS, DocumentState

TEXT_SEARCH_CONFIG = "english"
"""Stems English; words of other scripts pass through it unchanged, so they are still found as written."""


class KnowledgeBase(TenantOwned, TimeStamped):
    """A collection of documents that agents look things up in; an asset of its organisation."""

    asset = models.OneToOneField("assets.Asset", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["tenant", "-id"], name="knowledge_base_by_tenant")]

    def __str__(self) -> str:
        return self.name


class Document(TenantOwned, TimeStamped):
    """An uploaded file and how far it has come on its way into the index."""

    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.PROTECT, related_name="documents")
    uploader = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    storage_key = models.CharField(max_length=500)
    kind = models.CharField(max_length=20, blank=True, help_text="what the bytes are; empty until they were read")
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=12, default=DocumentState.QUEUED)
    cause = models.TextField(blank=True, help_text="why it failed or waits, and what to do, in plain words")
    pages = models.PositiveIntegerField(null=True)
    chunk_count = models.PositiveIntegerField(default=0)
    embedded_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
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


class Chunk(TenantOwned):
    """A passage of a document; `text` is exactly the characters `start` to `end` of the document's text."""

    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    heading = models.CharField(max_length=300, blank=True)
    page = models.PositiveIntegerField(null=True)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    tokens = models.PositiveIntegerField()
    embedding = VectorField(dimensions=EMBEDDING_DIMENSIONS, null=True)
    search = models.GeneratedField(
        expression=SearchVector("heading", "text", config=TEXT_SEARCH_CONFIG),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        ordering = ["document", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "document", "ordinal"], name="chunk_once_in_a_document"),
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="chunk_span_not_empty"),
        ]
        indexes = [
            models.Index(fields=["tenant", "knowledge_base"], name="chunk_by_base"),
            GinIndex(fields=["search"], name="chunk_search"),
            HnswIndex(
                name="chunk_embedding",
                fields=["embedding"],
                m=16,
                ef_construction=64,
                opclasses=["vector_cosine_ops"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document_id}#{self.ordinal}"


class KnowledgeBaseRelease(TenantOwned):
    """Which documents a released version of a knowledge base holds."""

    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.PROTECT, related_name="releases")
    asset_version = models.OneToOneField("assets.AssetVersion", on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    content_root = models.CharField(max_length=66)
    document_ids = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "knowledge_base", "number"], name="knowledge_release_number"),
        ]

    def __str__(self) -> str:
        return f"{self.knowledge_base_id} v{self.number}"
