"""Where documents come from: files of records, web pages, sitemaps, lists of addresses and buckets."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.knowledge.models.bases import KnowledgeBase
from apps.knowledge.types import SourceKind, SourceState, SyncSchedule


class Source(TenantOwned, TimeStamped):
    """A place that a knowledge base takes documents from, once or on a schedule."""

    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.PROTECT, related_name="sources")
    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=255)
    addresses = models.JSONField(default=list, help_text="pages, the sitemap, or the bucket's s3:// address")
    settings = models.JSONField(default=dict, help_text="region and endpoint of a bucket")
    secret = models.TextField(blank=True, help_text="the sealed keys of a bucket")
    storage_key = models.CharField(max_length=500, blank=True, help_text="the uploaded file of records")
    size_bytes = models.PositiveBigIntegerField(default=0)
    schedule = models.CharField(max_length=10, default=SyncSchedule.NEVER)
    next_sync_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default=SourceState.QUEUED)
    cause = models.TextField(blank=True, help_text="why it failed or waits, and what to do, in plain words")
    run = models.PositiveIntegerField(default=0, help_text="counts the syncs")
    total = models.PositiveIntegerField(default=0, help_text="documents that the running sync has listed")
    done = models.PositiveIntegerField(default=0, help_text="of these, how many it has looked at")
    result = models.JSONField(default=dict, help_text="how many were new, changed, unchanged, removed, failed")
    failures = models.JSONField(default=list, help_text="address and cause of what could not be taken")
    synced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in SourceKind])
                & Q(state__in=[state.value for state in SourceState])
                & Q(schedule__in=[schedule.value for schedule in SyncSchedule]),
                name="source_words_known",
            ),
            models.CheckConstraint(
                condition=~Q(state=SourceState.FAILED) | ~Q(cause=""), name="source_failed_has_cause"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "knowledge_base"], name="source_by_base"),
            models.Index(fields=["next_sync_at"], name="source_due", condition=Q(next_sync_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name
