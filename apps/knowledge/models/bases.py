"""Knowledge bases and their releases."""

from __future__ import annotations

from django.db import models

from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class KnowledgeBase(TenantOwned, TimeStamped):
    """A collection of documents that agents look things up in; an asset of its organisation."""

    asset = models.OneToOneField("assets.Asset", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True)
    next_number = models.PositiveIntegerField(default=0, help_text="the number that the next chunk gets")
    trust = models.JSONField(default=dict, help_text="how far similarity is trusted in each language (0 to 1)")
    trust_number = models.PositiveIntegerField(default=0, help_text="the next number when trust was measured")
    languages = models.JSONField(default=list, help_text="of its documents, most frequent first (ISO 639-1)")
    holds_attachments = models.BooleanField(
        default=False, help_text="the documents of single conversations; shown nowhere as a knowledge base"
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(holds_attachments=True), name="knowledge_base_of_attachments"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="knowledge_base_by_tenant")]

    def __str__(self) -> str:
        return self.name


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
