"""How others reach an agent: tasks of the A2A protocol, and the widget on other people's pages."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class RemoteTask(TenantOwned, TimeStamped):
    """A task of the A2A protocol, of the caller's organisation. `version` grows with each write."""

    task_id = models.CharField(max_length=64)
    context_id = models.CharField(max_length=64)
    agent_id = models.UUIDField()
    state = models.CharField(max_length=40)
    version = models.PositiveIntegerField(default=1)
    task = models.JSONField(help_text="the protocol's task, as JSON")

    class Meta:
        ordering = ["-updated_at"]
        constraints = [models.UniqueConstraint(fields=["tenant", "agent_id", "task_id"], name="remote_task_once")]
        indexes = [models.Index(fields=["tenant", "agent_id", "-updated_at"], name="remote_task_recent")]

    def __str__(self) -> str:
        return f"{self.state} {self.task_id}"


class AgentWidget(TenantOwned, TimeStamped):
    """The chat of an agent on pages of other origins. Visitors ask on the account of its owner, by a key of its own."""

    agent = models.OneToOneField("agents.Agent", on_delete=models.CASCADE, related_name="widget")
    key = models.OneToOneField("tenancy.ApiKey", on_delete=models.PROTECT, related_name="+")
    origins = ArrayField(models.CharField(max_length=200))

    def __str__(self) -> str:
        return ", ".join(self.origins)
