"""Calls with side effects that wait for the one who asked."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.agents.types import CallState
from apps.core.tenant import TenantOwned


class PendingCall(TenantOwned):
    """One call, bound to a user and to exact arguments. It belongs to the organisation of the one who asked."""

    agent_id = models.UUIDField()
    agent_name = models.CharField(max_length=80)
    owner_id = models.UUIDField(help_text="the organisation whose connection is called")
    user_id = models.UUIDField(null=True)
    conversation_id = models.UUIDField(null=True)
    effect_scope = models.CharField(max_length=120, blank=True)
    spec = models.JSONField(help_text="the tool as the agent's configuration has it")
    tool = models.CharField(max_length=100)
    arguments = models.JSONField()
    arguments_hash = models.CharField(max_length=64)
    grant = models.JSONField(default=dict, help_text="what an agent that the call asks may do")
    state = models.CharField(max_length=10, default=CallState.WAITING)
    result = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in CallState]), name="pending_call_state_known"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "user_id", "state", "-id"], name="pending_call_by_user")]

    def __str__(self) -> str:
        return f"{self.tool} {self.state}"


class AgentDay(TenantOwned):
    """What an agent has used on one day (UTC), for its budget of a day."""

    agent_id = models.UUIDField()
    day = models.DateField()
    tokens = models.PositiveBigIntegerField(default=0)
    micro_usd = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "agent_id", "day"], name="agent_day_once")]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.day}"
