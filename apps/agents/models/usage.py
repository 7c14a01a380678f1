"""Metered calls."""

from __future__ import annotations

from django.db import models

from apps.agents.types import UsageSide
from apps.core.ids import uuid7
from apps.core.tenant import TenantOwned


class AgentUsage(TenantOwned):
    """One answered call, metered. The owner and the caller each have their own row of the same call."""

    call_id = models.UUIDField(default=uuid7)
    side = models.CharField(max_length=8, choices=[(side.value, side.value) for side in UsageSide])
    agent_id = models.UUIDField()
    asset_id = models.UUIDField()
    agent_slug = models.CharField(max_length=100)
    version_number = models.PositiveIntegerField()
    owner_id = models.UUIDField()
    caller_id = models.UUIDField()
    prompt_tokens = models.PositiveIntegerField()
    completion_tokens = models.PositiveIntegerField()
    seconds = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "call_id", "side"], name="agent_usage_once_a_side"),
        ]
        indexes = [models.Index(fields=["tenant", "agent_id", "-id"], name="agent_usage_by_agent")]

    def __str__(self) -> str:
        return f"{self.side} {self.agent_slug}"
