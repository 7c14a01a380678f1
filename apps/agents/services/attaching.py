"""Use cases: attach a document to a conversation, take it away again."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.agents.models import Attachment, Conversation
from apps.agents.selectors.conversations import get_conversation, own_conversation
from apps.agents.types import AttachmentInfo, ChatTarget
from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.core.ids import uuid7
from apps.core.tenant import tenant_scope
from apps.knowledge import services as knowledge
from apps.knowledge.services import Upload
from apps.tenancy.types import Actor

MAX_ATTACHMENTS = 5
MAX_ATTACHMENT_BYTES = 5 * 1024 * 1024


def attach_document(
    *, actor: Actor, target: ChatTarget, conversation_id: UUID | None, file: Upload
) -> tuple[UUID, AttachmentInfo]:
    """Have a document read for one conversation (a new one where there is none yet); answers then also look in it.

    It goes the way of every document: checked, read by a limited process, cut and embedded. It is kept in the asker's
    own organisation, in no knowledge base that others see, and goes with the conversation.

    Returns:
        The conversation's id, and the attachment.

    Raises:
        InvalidInput: it is too large.
        Conflict: the conversation has as many documents as it may have.
        DomainError: `quota_exceeded`: the organisation's plan has no room for it.
    """
    if file.size > MAX_ATTACHMENT_BYTES:
        limit = MAX_ATTACHMENT_BYTES // (1024 * 1024)
        message = f"{file.name} is larger than {limit} MB. Attach a smaller file, or add it to a knowledge base."
        raise InvalidInput("attachment_too_large", message, errors=[{"field": "file", "message": message}])
    with transaction.atomic():
        if conversation_id is not None:
            row = get_conversation(actor, conversation_id, target.agent_id)
            if Attachment.objects.filter(conversation=row).count() >= MAX_ATTACHMENTS:
                message = f"A conversation takes {MAX_ATTACHMENTS} documents. Remove one, or start a new conversation."
                raise Conflict("too_many_attachments", message)
    with tenant_scope(actor.organisation_id):
        document = knowledge.add_attachment(organisation_id=actor.organisation_id, file=file)
        with transaction.atomic():
            if conversation_id is None:
                conversation_id = _begin(actor, target, file.name)
            row = get_conversation(actor, conversation_id, target.agent_id)
            kept, _ = Attachment.objects.get_or_create(
                tenant_id=actor.organisation_id,
                conversation=row,
                document_id=document.id,
                defaults={"name": document.name},
            )
    return conversation_id, AttachmentInfo(kept.id, document.id, kept.name, str(document.state), document.cause)


def detach_document(*, actor: Actor, conversation_id: UUID, attachment_id: UUID) -> None:
    """Take a document away from a conversation; it is deleted where no other conversation has it.

    Raises:
        NotFound: it is not attached there.
    """
    with transaction.atomic():
        row = own_conversation(actor, conversation_id)
        found = Attachment.objects.filter(id=attachment_id, conversation=row).first()
        if found is None:
            raise NotFound("attachment_not_found", "There is no such document in this conversation.")
        document_id = found.document_id
        found.delete()
        is_left = Attachment.objects.filter(document_id=document_id).exists()
    if not is_left:
        knowledge.remove_attachment(organisation_id=actor.organisation_id, document_id=document_id)


def _begin(actor: Actor, target: ChatTarget, name: str) -> UUID:
    begun = target.assigned.conversation_id if target.assigned is not None else None
    return Conversation.objects.create(
        id=begun or uuid7(),
        tenant_id=actor.organisation_id,
        agent_id=target.agent_id,
        agent_name=target.config.name,
        agent_owner_id=target.owner_id,
        user_id=actor.user_id,
        is_test=target.is_test,
        title=name[:120],
    ).id
