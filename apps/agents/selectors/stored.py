"""Answers that were given: what they were made from, and where their citations lead today."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils.http import urlencode

from apps.agents.models import Message
from apps.agents.replaying import Citation, CitationState, StoredAnswer
from apps.agents.types import KnowledgePin, Source, Turn
from apps.core.errors import NotFound
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge
from apps.tenancy.types import Actor


def stored_answer(actor: Actor, message_id: UUID) -> StoredAnswer:
    """An answer in one of the actor's own conversations.

    Raises:
        NotFound: there is none of this id.
    """
    with tenant_scope(actor.organisation_id), transaction.atomic():
        row = (
            Message.objects.select_related("conversation")
            .filter(id=message_id, role="assistant", tenant_id=actor.organisation_id)
            .first()
        )
        if row is None or row.conversation.user_id != actor.user_id:
            raise NotFound("answer_not_found", "There is no such answer.")
        earlier = list(Message.objects.filter(conversation_id=row.conversation_id, id__lt=row.id).order_by("id"))
    asked = max((at for at, item in enumerate(earlier) if item.role == "user"), default=None)
    if asked is None:
        raise NotFound("question_not_found", "The question of this answer is not stored.")
    conversation = row.conversation
    return StoredAnswer(
        message_id=row.id,
        agent_id=conversation.agent_id,
        agent_owner_id=conversation.agent_owner_id,
        agent_name=conversation.agent_name,
        question=earlier[asked].text,
        turns=tuple(Turn(item.role, item.text) for item in earlier[:asked] if item.text),
        text=row.text,
        finish=row.finish,
        sources=tuple(Source.from_json(value) for value in row.sources),
        agent_version_id=row.agent_version_id,
        config_hash=row.config_hash,
        language_model=row.language_model,
        releases=tuple(KnowledgePin.from_json(pin) for pin in row.knowledge),
        created_at=row.created_at,
    )


def citation(actor: Actor, message_id: UUID, number: int) -> Citation:
    """Source `number` of a stored answer, and what became of the words that it quotes.

    Raises:
        NotFound: there is no such answer or source.
    """
    answer = stored_answer(actor, message_id)
    source = next((item for item in answer.sources if item.number == number), None)
    if source is None:
        raise NotFound("source_not_found", "This answer has no such source.")
    start, end, words = _quoted(source)
    is_owner = actor.organisation_id == answer.agent_owner_id
    mine = _text_now(actor.organisation_id, source, start, end)
    now = mine if mine is not None or is_owner else _text_now(answer.agent_owner_id, source, start, end)
    there = CitationState.THERE if now == words else CitationState.CHANGED
    state = CitationState.REMOVED if now is None else there
    url = document_url(source) if mine is not None and state is CitationState.THERE else ""
    return Citation(source, state, url, may_see_passage=is_owner or mine is not None)


def _text_now(organisation_id: UUID, source: Source, start: int, end: int) -> str | None:
    """The words at that place today, if the document is that organisation's (an attachment is the asker's own)."""
    with tenant_scope(organisation_id), transaction.atomic():
        return knowledge.text_at(Actor.system(organisation_id), source.document_id, start, end)


def document_url(source: Source) -> str:
    """The page of the document, opened at the quoted words."""
    start, end, _ = _quoted(source)
    page = reverse("knowledge-document", args=[source.knowledge_base_id, source.document_id])
    return f"{page}?{urlencode({'from': start, 'to': end})}#passage-{source.ordinal}"


def _quoted(source: Source) -> tuple[int, int, str]:
    """Place and words of the quoted sentence; the whole passage where an answer of old does not say the sentence."""
    if source.quote_start is None or source.quote_end is None:
        return source.start, source.end, source.text
    return source.quote_start, source.quote_end, source.quote
