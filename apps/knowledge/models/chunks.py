"""Searchable passages of documents."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Q
from pgvector.django import HnswIndex, VectorField

from apps.core.tenant import TenantOwned
from apps.knowledge.models.bases import KnowledgeBase
from apps.knowledge.models.documents import Document
from apps.knowledge.types import EMBEDDING_DIMENSIONS

TEXT_SEARCH_CONFIG = "english"
"""Stems English; words of other scripts pass through it unchanged, so they are still found as written."""


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
