"""Conversations and their messages."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.agents.types import FinishReason
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned


class Conversation(TenantOwned, TimeStamped):
    """A chat of somebody with an agent. It belongs to the one who asks, also where the agent is another's."""

    agent_id = models.UUIDField(db_index=True)
    agent_name = models.CharField(max_length=80)
    agent_owner_id = models.UUIDField()
    user_id = models.UUIDField(null=True)
    is_test = models.BooleanField(default=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["tenant", "agent_id", "-id"], name="conversation_by_agent")]

    def __str__(self) -> str:
        return f"{self.agent_name} {self.id}"


class Message(TenantOwned):
    """One message, with what an answer was made from and what it cost."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    role = models.CharField(max_length=10)
    text = models.TextField()
    sources = models.JSONField(default=list)
    label = models.JSONField(null=True)
    finish = models.CharField(max_length=10, blank=True)
    is_supported = models.BooleanField(default=True)
    problem = models.TextField(blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    first_token_s = models.FloatField(null=True)
    agent_version_id = models.UUIDField(null=True, help_text="empty for an answer of the draft")
    config_hash = models.CharField(max_length=64, blank=True)
    language_model = models.CharField(max_length=200, blank=True)
    classifier = models.CharField(max_length=200, blank=True)
    knowledge = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=["user", "assistant"]), name="message_role_known"),
            models.CheckConstraint(
                condition=Q(finish__in=["", *(reason.value for reason in FinishReason)]), name="message_finish_known"
            ),
        ]
        indexes = [models.Index(fields=["conversation", "id"], name="message_by_conversation")]

    def __str__(self) -> str:
        return f"{self.role} {self.id}"
