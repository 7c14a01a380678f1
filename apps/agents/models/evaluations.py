"""Evaluations of drafts: question sets, runs over them, one result a case."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.agents.models.agents import Agent
from apps.agents.types import EvaluationState
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class EvaluationSet(TenantOwned, TimeStamped):
    """Questions with what a good answer holds and what none may hold."""

    name = models.CharField(max_length=120)
    cases = models.JSONField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class EvaluationRun(TenantOwned):
    """One run of a draft, as it was then, over a set as it was then."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="evaluations")
    evaluation_set = models.ForeignKey(EvaluationSet, on_delete=models.CASCADE, related_name="runs")
    config = models.JSONField()
    config_hash = models.CharField(max_length=64)
    cases = models.JSONField()
    state = models.CharField(max_length=10, default=EvaluationState.QUEUED)
    figures = models.JSONField(default=dict)
    user_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in EvaluationState]), name="evaluation_state_known"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "agent", "-id"], name="evaluation_by_agent")]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.state}"


class EvaluationResult(TenantOwned):
    """What one case came to. Its row is committed at once, so that a run goes on where a killed worker left it."""

    run = models.ForeignKey(EvaluationRun, on_delete=models.CASCADE, related_name="results")
    number = models.PositiveIntegerField()
    is_attack = models.BooleanField(default=False)
    question = models.TextField()
    answer = models.TextField()
    problems = models.JSONField(default=list)
    is_cited = models.BooleanField(null=True, help_text="whether the expected passage was cited, where one is expected")
    tokens = models.PositiveIntegerField(default=0)
    micro_usd = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["tenant", "run", "number"], name="evaluation_result_once")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.number}"
