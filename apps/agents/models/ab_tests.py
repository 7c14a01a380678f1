"""A/B tests: which visitors get which version of an agent, and what came of it. Rows of the agent's owner."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.agents.models.agents import Agent, AgentVersion
from apps.agents.types import AbTestState
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class AbTest(TenantOwned, TimeStamped):
    """Versions of one agent that share its visitors for a while."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="ab_tests")
    state = models.CharField(max_length=10, default=AbTestState.RUNNING)
    user_id = models.UUIDField(null=True, help_text="who began it")
    shares_changed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    chosen = models.ForeignKey(
        AgentVersion, on_delete=models.PROTECT, null=True, related_name="+", help_text="went live and so ended it"
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in AbTestState]), name="ab_test_state_known"
            ),
            models.UniqueConstraint(
                fields=["tenant", "agent"], condition=Q(state=AbTestState.RUNNING), name="ab_test_one_runs"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.state}"


class AbTestArm(TenantOwned):
    """One version in a test, and its part of the visitors."""

    ab_test = models.ForeignKey(AbTest, on_delete=models.CASCADE, related_name="arms")
    version = models.ForeignKey(AgentVersion, on_delete=models.PROTECT, related_name="+")
    share = models.PositiveSmallIntegerField(help_text="per cent")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "ab_test", "version"], name="ab_test_version_once"),
            models.CheckConstraint(condition=Q(share__lte=100), name="ab_test_share_possible"),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.share} %"


class AbTestAnswer(TenantOwned):
    """Figures of one answer in a test. No word of it, and nothing that names who asked."""

    ab_test = models.ForeignKey(AbTest, on_delete=models.CASCADE, related_name="answers")
    version = models.ForeignKey(AgentVersion, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=32, help_text="whose: the same visitor is the same, and cannot be named")
    message_id = models.UUIDField(null=True, help_text="the stored answer, where one is stored")
    finish = models.CharField(max_length=10)
    tokens = models.PositiveIntegerField()
    micro_usd = models.PositiveBigIntegerField()
    seconds = models.FloatField()
    first_token_s = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["ab_test", "subject", "-id"], name="ab_test_answer_by_subject"),
            models.Index(fields=["ab_test", "version"], name="ab_test_answer_by_version"),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.finish}"
