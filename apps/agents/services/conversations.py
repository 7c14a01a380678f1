"""Use cases: name, delete and rate what was said."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.agents.models import AgentFeedback, AgentVersion, Attachment, Conversation, Message
from apps.agents.selectors.conversations import own_conversation
from apps.agents.services.pausing import forget_paused
from apps.agents.types import FeedbackReason
from apps.core.errors import InvalidInput, NotFound
from apps.core.tenant import tenant_scope
from apps.knowledge import services as knowledge
from apps.tenancy.types import Actor

TITLE_LIMIT = 120
COMMENT_LIMIT = 500


def rename_conversation(*, actor: Actor, conversation_id: UUID, title: str) -> None:
    """Give a conversation another title.

    Raises:
        NotFound: it is not the actor's.
        InvalidInput: the title is empty.
    """
    with transaction.atomic():
        row = own_conversation(actor, conversation_id)
        clean = " ".join(title.replace("\x00", "").split())[:TITLE_LIMIT]
        if not clean:
            message = "Write a title."
            raise InvalidInput("invalid_title", message, errors=[{"field": "title", "message": message}])
        # Not `save`: renaming is no use of the conversation and leaves it where it is in the list.
        Conversation.objects.filter(id=row.id).update(title=clean)


def delete_conversation(*, actor: Actor, conversation_id: UUID) -> None:
    """Delete a conversation with its messages and with the documents that were attached to it alone.

    Raises:
        NotFound: it is not the actor's.
    """
    with transaction.atomic():
        row = own_conversation(actor, conversation_id)
        documents = list(Attachment.objects.filter(conversation=row).values_list("document_id", flat=True))
        forget_paused(row.agent_owner_id, row.id)
        row.delete()
        left = set(Attachment.objects.filter(document_id__in=documents).values_list("document_id", flat=True))
    for document_id in set(documents) - left:
        knowledge.remove_attachment(organisation_id=actor.organisation_id, document_id=document_id)


def rate_answer(*, actor: Actor, message_id: UUID, rating: int, reason: str = "", comment: str = "") -> None:
    """Keep what the asker thinks of an answer, and tell the owner of the agent: thumb, reason and comment only.

    Args:
        rating: 1 good, -1 bad, 0 takes it back.

    Raises:
        NotFound: it is no answer to the actor.
        InvalidInput: the rating or the reason is not known.
    """
    with transaction.atomic(), tenant_scope(actor.organisation_id):
        message = Message.objects.select_related("conversation").filter(id=message_id, role="assistant").first()
        if message is None or message.conversation.user_id != actor.user_id:
            raise NotFound("message_not_found", "There is no such answer.")
        _check(rating, reason)
        message.rating = rating
        message.save(update_fields=["rating"])
        conversation, version_id = message.conversation, message.agent_version_id
    with transaction.atomic(), tenant_scope(conversation.agent_owner_id):
        known = AgentFeedback.objects.filter(message_id=message_id)
        if rating == 0:
            known.delete()
            return
        number = None
        if version_id is not None:
            number = AgentVersion.objects.filter(id=version_id).values_list("number", flat=True).first()
        AgentFeedback.objects.update_or_create(
            tenant_id=conversation.agent_owner_id,
            message_id=message_id,
            defaults={
                "agent_id": conversation.agent_id,
                "version_number": number,
                "rating": rating,
                "reason": reason if rating < 0 else "",
                "comment": comment.replace("\x00", "").strip()[:COMMENT_LIMIT],
            },
        )


def _check(rating: int, reason: str) -> None:
    if rating not in (-1, 0, 1):
        raise InvalidInput("invalid_rating", "The rating is 1, -1 or 0.")
    if reason and reason not in {item.value for item in FeedbackReason}:
        names = ", ".join(item.value for item in FeedbackReason)
        raise InvalidInput("invalid_reason", f"The reason is one of: {names}.")
