"""Questions with known answers, to see what a knowledge base's search finds."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.knowledge.models.bases import KnowledgeBase
from apps.knowledge.question_types import CheckState


class QuestionSet(TenantOwned, TimeStamped):
    """Questions, each with the documents that answer it, by name."""

    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="question_sets")
    name = models.CharField(max_length=120)
    questions = models.JSONField(help_text="objects of `question` and `documents`")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["tenant", "knowledge_base"], name="question_set_by_base")]

    def __str__(self) -> str:
        return self.name


class QuestionRun(TenantOwned):
    """All questions of a set asked once, of the knowledge base as it was then."""

    question_set = models.ForeignKey(QuestionSet, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=10, default=CheckState.QUEUED)
    cause = models.TextField(blank=True, help_text="why it failed or waits, in plain words")
    figures = models.JSONField(default=dict, help_text="for each way to search the means by name")
    misses = models.JSONField(default=list, help_text="questions whose documents are not found first")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in CheckState]), name="question_run_state_known"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "question_set", "-id"], name="question_run_by_set")]

    def __str__(self) -> str:
        return f"{self.question_set_id} {self.state}"
