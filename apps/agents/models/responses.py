"""Responses that callers of the OpenAI-compatible API have us keep."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.tenant import TenantOwned

RESPONSE_STATUSES = ("queued", "in_progress", "completed", "incomplete", "failed", "cancelled")


class StoredResponse(TenantOwned):
    """One call of `/v1/responses` of the caller's organisation; the next one can continue it."""

    agent_id = models.UUIDField()
    agent_slug = models.CharField(max_length=100)
    user_id = models.UUIDField(null=True)
    key_id = models.CharField(max_length=150, blank=True)
    previous_id = models.UUIDField(null=True)
    status = models.CharField(max_length=12, default="in_progress")
    is_background = models.BooleanField(default=False)
    is_kept = models.BooleanField(default=True)
    visitor = models.CharField(max_length=64, blank=True, help_text="who asked, for A/B tests: a hash")
    input = models.JSONField()
    instructions = models.TextField(blank=True)
    wishes = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    text = models.TextField(blank=True)
    sources = models.JSONField(default=list)
    finish = models.CharField(max_length=10, blank=True)
    problem = models.TextField(blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RESPONSE_STATUSES), name="response_status_known"),
        ]
        indexes = [models.Index(fields=["tenant", "created_at"], name="response_by_age")]

    def __str__(self) -> str:
        return f"{self.status} {self.id}"
