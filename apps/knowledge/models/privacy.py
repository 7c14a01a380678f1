"""What others may have word for word of a knowledge base, and what was measured."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.knowledge.models.bases import KnowledgeBase
from apps.knowledge.models.documents import Document

LONGEST_QUOTE = 300
DOCUMENT_PERCENT = 50


class KnowledgePrivacy(TenantOwned, TimeStamped):
    """The rules of one knowledge base; without a row the defaults hold."""

    knowledge_base = models.OneToOneField(KnowledgeBase, on_delete=models.CASCADE, related_name="privacy")
    longest_quote = models.PositiveIntegerField(default=LONGEST_QUOTE)
    document_percent = models.PositiveIntegerField(default=DOCUMENT_PERCENT)
    canaries = ArrayField(models.CharField(max_length=40), default=list)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(longest_quote__gte=40, longest_quote__lte=5000), name="privacy_longest_quote_sensible"
            ),
            models.CheckConstraint(
                condition=Q(document_percent__gte=1, document_percent__lte=100), name="privacy_percent_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"privacy of {self.knowledge_base_id}"


class ToldSpans(TenantOwned):
    """What one reader has had word for word of a document, over all answers of all agents."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    reader_id = models.UUIDField(help_text="an organisation, or a visitor of a widget")
    spans = models.JSONField(default=list, help_text="[start, end) of the document's characters, in order")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "document", "reader_id"], name="told_spans_once_a_reader")
        ]

    def __str__(self) -> str:
        return f"{self.document_id} to {self.reader_id}"
