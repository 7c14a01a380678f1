"""Calls that change something outside."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.agents.teams.types import EffectState
from apps.core.tenant import TenantOwned


class SideEffect(TenantOwned):
    """One such call of one step. The row is there before the call is made, so that it is never made twice."""

    scope = models.CharField(max_length=120)
    tool = models.CharField(max_length=200)
    arguments = models.JSONField()
    arguments_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=10, default=EffectState.STARTED)
    result = models.JSONField(null=True)
    problem = models.TextField(blank=True)
    decided_by = models.UUIDField(null=True, help_text="who said what became of it, where no worker could")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "scope", "tool", "arguments_hash"], name="side_effect_once"),
            models.CheckConstraint(
                condition=Q(state__in=[item.value for item in EffectState]), name="side_effect_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.state}"
