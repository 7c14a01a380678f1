"""What people thought of answers, as the owner of the agent sees it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.agents.types import FeedbackReason
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class AgentFeedback(TenantOwned, TimeStamped):
    """A thumb with a reason. It belongs to the agent's owner; the conversation stays with the one who asked."""

    message_id = models.UUIDField()
    agent_id = models.UUIDField()
    version_number = models.PositiveIntegerField(null=True, help_text="empty for the draft")
    rating = models.SmallIntegerField()
    reason = models.CharField(max_length=16, blank=True)
    comment = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "message_id"], name="agent_feedback_once_an_answer"),
            models.CheckConstraint(condition=Q(rating__in=[-1, 1]), name="agent_feedback_rating_known"),
            models.CheckConstraint(
                condition=Q(reason__in=["", *(reason.value for reason in FeedbackReason)]),
                name="agent_feedback_reason_known",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "agent_id", "-id"], name="agent_feedback_by_agent")]

    def __str__(self) -> str:
        return f"{self.rating:+d} {self.message_id}"
