"""What drafts looked like: one row a saved change, so that editors see what somebody else changed."""

from __future__ import annotations

from django.db import models

from apps.agents.models.agents import Agent
from apps.core.tenant import TenantOwned


class AgentRevision(TenantOwned):
    """A draft after one change; `fields` names what the change touched."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    config = models.JSONField()
    fields = models.JSONField(default=list)
    user_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["tenant", "agent", "number"], name="agent_revision_number")]

    def __str__(self) -> str:
        return f"{self.agent_id} r{self.number}"
