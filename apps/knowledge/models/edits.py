"""What people changed in the passages of a document, kept so that an old answer can be understood."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.tenant import TenantOwned
from apps.knowledge.models.chunks import Chunk
from apps.knowledge.types import ChunkChange


class ChunkEdit(TenantOwned):
    """One change of one passage by hand."""

    chunk = models.ForeignKey(Chunk, on_delete=models.CASCADE, related_name="edits")
    change = models.CharField(max_length=10)
    before = models.TextField(blank=True, help_text="the text before a change of the text")
    user_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(change__in=[change.value for change in ChunkChange]), name="chunk_edit_change_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.change} {self.chunk_id}"
