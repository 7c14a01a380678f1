"""Searchable passages of documents."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from pgvector.django import VectorField

from apps.core.tenant import TenantOwned
from apps.knowledge.models.bases import KnowledgeBase
from apps.knowledge.models.documents import Document
from apps.knowledge.types import EMBEDDING_DIMENSIONS


class Chunk(TenantOwned):
    """A passage of a document; `text` is exactly the characters `start` to `end` of the document's text.

    Unless somebody has edited it: then `start` and `end` say where the original stood (`ChunkEdit` keeps it).
    The index of the embeddings, `chunk_located`, is made by SQL in a migration: it is one on an expression.
    """

    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField(help_text="its place among all that the knowledge base ever had")
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    heading = models.CharField(max_length=300, blank=True)
    page = models.PositiveIntegerField(null=True)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    tokens = models.PositiveIntegerField()
    embedding = VectorField(
        dimensions=EMBEDDING_DIMENSIONS, null=True, help_text="empty while it is waited for, and where it is excluded"
    )
    is_excluded = models.BooleanField(default=False, help_text="somebody decided that no search shall find it")

    class Meta:
        ordering = ["document", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "document", "ordinal"], name="chunk_once_in_a_document"),
            models.UniqueConstraint(
                fields=["tenant", "knowledge_base", "number"], include=["id", "document"], name="chunk_number_in_a_base"
            ),
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="chunk_span_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id}#{self.ordinal}"
