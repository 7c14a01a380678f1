"""Answers that wait for a person's decision."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from apps.core.tenant import TenantOwned


class PausedAnswer(TenantOwned):
    """What is needed to go on with a stored answer. It belongs to the agent's owner, whose instruction is in it, and is
    deleted when the answer goes on or the conversation is deleted."""

    message_id = models.UUIDField(unique=True)
    conversation_id = models.UUIDField(db_index=True)
    agent_id = models.UUIDField()
    agent_slug = models.CharField(max_length=100)
    agent_version_id = models.UUIDField(null=True, help_text="empty for the draft")
    asker_id = models.UUIDField(help_text="the organisation whose conversation it is")
    user_id = models.UUIDField()
    is_guest = models.BooleanField(default=False)
    key_id = models.CharField(max_length=150, blank=True)
    reader_id = models.UUIDField()
    call_ids = ArrayField(models.UUIDField(), help_text="the calls that it waits for")
    state = models.JSONField(help_text="`Paused.as_json`")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [GinIndex(fields=["call_ids"], name="paused_answer_by_call")]

    def __str__(self) -> str:
        return str(self.message_id)
