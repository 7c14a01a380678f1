"""Documents that belong to one conversation."""

from __future__ import annotations

from uuid import UUID

from apps.agents.models import Attachment
from apps.agents.runtime import Attachments
from apps.agents.types import AttachmentInfo
from apps.knowledge import selectors as knowledge
from apps.tenancy.types import Actor


def attachments(actor: Actor, conversation_id: UUID) -> list[AttachmentInfo]:
    """The documents of a conversation with how far they were read; the caller has checked that it is the actor's."""
    system = Actor.system(actor.organisation_id)
    rows = list(Attachment.objects.filter(conversation_id=conversation_id).order_by("id"))
    known = {item.id: item for item in knowledge.documents_by_id(system, [row.document_id for row in rows])}
    return [
        AttachmentInfo(row.id, row.document_id, row.name, str(found.state), found.cause)
        for row in rows
        if (found := known.get(row.document_id)) is not None
    ]


def searched_attachments(actor: Actor, conversation_id: UUID | None) -> Attachments | None:
    """What a question in the conversation also looks in; None where nothing is attached."""
    if conversation_id is None:
        return None
    ids = frozenset(Attachment.objects.filter(conversation_id=conversation_id).values_list("document_id", flat=True))
    if not ids:
        return None
    base_id = knowledge.attachment_base_id(Actor.system(actor.organisation_id))
    return Attachments(actor.organisation_id, base_id, ids) if base_id is not None else None
