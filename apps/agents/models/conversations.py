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
    title = models.CharField(max_length=120, blank=True)
    leaf_id = models.UUIDField(null=True, help_text="last message of the branch that is shown; empty for the newest")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["tenant", "agent_id", "-id"], name="conversation_by_agent")]

    def __str__(self) -> str:
        return f"{self.agent_name} {self.id}"


class Message(TenantOwned):
    """One message, with what an answer was made from and what it cost.

    Messages are a tree: a question that was edited, or an answer that was asked for again, is a further child of the
    same parent.
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="+")
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
    steps = models.JSONField(default=list, help_text="what was done for this answer, in order: `Step.as_json`")
    prompt = models.JSONField(default=list, help_text="the messages the model saw; empty for another's agent")
    rating = models.SmallIntegerField(default=0, help_text="1, -1, or 0 for none")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=["user", "assistant"]), name="message_role_known"),
            models.CheckConstraint(condition=Q(rating__in=[-1, 0, 1]), name="message_rating_known"),
            models.CheckConstraint(
                condition=Q(finish__in=["", *(reason.value for reason in FinishReason)]), name="message_finish_known"
            ),
        ]
        indexes = [models.Index(fields=["conversation", "id"], name="message_by_conversation")]

    def __str__(self) -> str:
        return f"{self.role} {self.id}"


class Attachment(TenantOwned):
    """A document that answers are given from in one conversation only."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="attachments")
    document_id = models.UUIDField()
    name = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "conversation", "document_id"], name="attachment_once_in_a_conversation"
            ),
        ]

    def __str__(self) -> str:
        return self.name
