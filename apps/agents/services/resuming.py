"""Use case: an answer goes on after the decisions that it has waited for."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from apps.agents.models import AgentVersion, Message, PausedAnswer, PendingCall
from apps.agents.selectors.access import documents_of, published_target
from apps.agents.selectors.agents import draft_target, version_info
from apps.agents.selectors.approvals import call_info
from apps.agents.selectors.conversations import Branch
from apps.agents.services.answering import looked_up, require_budget, stored
from apps.agents.services.begun import BegunAnswer
from apps.agents.services.keeping import Place
from apps.agents.services.pausing import NOT_DECIDED, give_up
from apps.agents.types import ChatTarget, FinishReason, Paused, Resumed
from apps.core.errors import DomainError
from apps.core.tenant import tenant_scope
from apps.tenancy import selectors as tenancy
from apps.tenancy.types import Actor


def begin_again(*, paused_id: UUID, owner_id: UUID) -> BegunAnswer | None:
    """A paused answer, ready to go on with `stream_answer`. Not inside a transaction.

    None where it has gone on or been deleted, where a call of it is not decided, or where it cannot go on any more,
    which its message then says.

    Raises:
        DomainError: retryable: try again later.
    """
    with tenant_scope(owner_id):
        row = PausedAnswer.objects.filter(id=paused_id).first()
    if row is None:
        return None
    with tenant_scope(row.asker_id):
        message = Message.objects.filter(id=row.message_id, finish=FinishReason.WAITING).first()
        calls = {call.id: call for call in PendingCall.objects.filter(id__in=row.call_ids)}
        if any(call.state in NOT_DECIDED for call in calls.values()):
            return None
    try:
        if message is None or message.parent_id is None or len(calls) < len(row.call_ids):
            give_up(row, "What this answer was about is gone. Ask again.")
            return None
        paused = Paused(**row.state)
        outcomes = {name: call_info(calls[UUID(call_id)]) for name, call_id in paused.calls.items()}
        with tenant_scope(row.asker_id):
            return _begun(row, message, Resumed(paused, outcomes))
    except DomainError as error:
        if error.retryable:
            raise
        give_up(row, error.message)
        return None


def _begun(row: PausedAnswer, message: Message, resumed: Resumed) -> BegunAnswer:
    actor = (
        tenancy.actor_of_key(row.user_id, row.asker_id, row.key_id)
        if row.key_id
        else tenancy.actor_for(row.user_id, row.asker_id, is_guest=row.is_guest)
    )
    target = _target(actor, row)
    require_budget(actor, target)
    at, attachments = stored(actor, target, row.conversation_id, Branch(retry=message.id))
    begun = looked_up(actor, target, at.question, at.turns, attachments, row.reader_id)
    if at.question_id is None:
        raise TypeError("a stored answer has a question")
    return replace(begun, place=Place(row.conversation_id, at.question_id, message.id), resumed=resumed)


def _target(actor: Actor, row: PausedAnswer) -> ChatTarget:
    """The version that began the answer; access is checked again."""
    if row.agent_version_id is None:
        return draft_target(actor, row.agent_id)
    now = published_target(actor, row.agent_slug)
    with tenant_scope(row.tenant_id):
        version = version_info(AgentVersion.objects.get(id=row.agent_version_id))
        documents = documents_of(row.tenant_id, version)
    return replace(now, config=version.config, version=version, document_ids=documents)
