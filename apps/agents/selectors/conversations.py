"""Stored conversations of the actor's organisation."""

from __future__ import annotations

from uuid import UUID

from apps.agents.models import Conversation, Message
from apps.agents.types import MessageInfo, Source, Turn
from apps.core.errors import NotFound
from apps.tenancy.types import Actor

TURNS_KEPT = 8


def messages(actor: Actor, conversation_id: UUID, agent_id: UUID) -> list[MessageInfo]:
    """The messages of a conversation with that agent, oldest first.

    Raises:
        NotFound: it is not the actor's, or with another agent.
    """
    row = get_conversation(actor, conversation_id, agent_id)
    return [_info(message) for message in Message.objects.filter(conversation=row).order_by("id")]


def conversation_turns(actor: Actor, conversation_id: UUID, agent_id: UUID) -> list[Turn]:
    """The last turns, for the next prompt."""
    row = get_conversation(actor, conversation_id, agent_id)
    latest = Message.objects.filter(conversation=row).exclude(text="").order_by("-id")[:TURNS_KEPT]
    return [Turn(message.role, message.text) for message in reversed(latest)]


def get_conversation(actor: Actor, conversation_id: UUID, agent_id: UUID) -> Conversation:
    """The row. Guests and members see their own conversations only."""
    row = Conversation.objects.filter(
        id=conversation_id, agent_id=agent_id, tenant_id=actor.organisation_id, user_id=actor.user_id
    ).first()
    if row is None:
        raise NotFound("conversation_not_found", "There is no such conversation.")
    return row


def _info(row: Message) -> MessageInfo:
    return MessageInfo(
        id=row.id,
        role=row.role,
        text=row.text,
        sources=tuple(Source.from_json(value) for value in row.sources),
        label=row.label,
        finish=row.finish,
        is_supported=row.is_supported,
        problem=row.problem,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        seconds=row.seconds,
        created_at=row.created_at,
    )
