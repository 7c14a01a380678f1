"""Answers that wait for a person: they are kept with what the model has seen, and go on when all is decided."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from apps.agents.events import AnswerGoesOn
from apps.agents.models import Message, PausedAnswer, PendingCall
from apps.agents.types import CallState, ChatTarget, FinishReason, Paused
from apps.core import clock, outbox
from apps.core.tenant import all_tenants, tenant_scope
from apps.tenancy.types import Actor

KEPT_FOR = timedelta(days=1)
"""Longer than any call waits for its approval, and than it takes to find out what became of one."""
NOT_DECIDED = (CallState.WAITING, CallState.APPROVED, CallState.UNCERTAIN)
GIVEN_UP = "Nobody decided in time. Ask again."


def pause(
    *, actor: Actor, target: ChatTarget, conversation_id: UUID, message_id: UUID, reader_id: UUID, paused: Paused
) -> None:
    """Keep what a stored answer needs to go on, in the transaction that stores it."""
    if actor.user_id is None:
        raise TypeError("nobody is there to decide")
    with tenant_scope(target.owner_id):
        PausedAnswer.objects.create(
            tenant_id=target.owner_id,
            message_id=message_id,
            conversation_id=conversation_id,
            agent_id=target.agent_id,
            agent_slug=target.slug,
            agent_version_id=target.version.id if target.version is not None else None,
            asker_id=actor.organisation_id,
            user_id=actor.user_id,
            is_guest=actor.is_guest,
            key_id=actor.key.id if actor.key is not None else "",
            reader_id=reader_id,
            call_ids=[UUID(call_id) for call_id in paused.calls.values()],
            state=paused.as_json(),
            created_at=clock.now(),
        )


def go_on_after(row: PendingCall) -> bool:
    """Have the answers go on that wait for this call and for no other; whether any waits for it at all.

    Belongs into the transaction that decides the call. The paused answer is locked first, so that of two calls that are
    decided at once the second one sees the first.
    """
    with tenant_scope(row.owner_id):
        paused = list(PausedAnswer.objects.select_for_update().filter(call_ids__contains=[row.id]).order_by("id"))
    for answer in paused:
        if not PendingCall.objects.filter(id__in=answer.call_ids, state__in=NOT_DECIDED).exists():
            event = AnswerGoesOn(paused_id=answer.id, owner_id=row.owner_id)
            outbox.publish(event, tenant_id=row.tenant_id)
    return bool(paused)


def waiting_answer(row: PendingCall) -> PausedAnswer | None:
    """The answer of the call's own conversation that waits for it."""
    if row.conversation_id is None:
        return None
    with tenant_scope(row.owner_id):
        found = PausedAnswer.objects.filter(call_ids__contains=[row.id])
        return found.filter(conversation_id=row.conversation_id).order_by("-id").first()


def unpause(owner_id: UUID, message_id: UUID) -> None:
    """Forget what an answer needed to go on: it has."""
    with tenant_scope(owner_id):
        PausedAnswer.objects.filter(message_id=message_id).delete()


def forget_paused(owner_id: UUID, conversation_id: UUID) -> None:
    """A conversation is deleted: nothing in it goes on."""
    with tenant_scope(owner_id):
        PausedAnswer.objects.filter(conversation_id=conversation_id).delete()


def give_up(paused: PausedAnswer, problem: str) -> None:
    """End an answer that cannot go on; what was said stays."""
    with transaction.atomic():
        with tenant_scope(paused.asker_id):
            Message.objects.filter(id=paused.message_id, finish=FinishReason.WAITING).update(
                finish=FinishReason.FAILED, problem=problem
            )
        unpause(paused.tenant_id, paused.message_id)


def give_up_old_answers() -> int:
    """End answers whose calls nobody decided; returns how many."""
    with all_tenants(reason="answers wait for a limited time"):
        old = list(PausedAnswer.objects.filter(created_at__lt=clock.now() - KEPT_FOR)[:500])
    for paused in old:
        give_up(paused, GIVEN_UP)
    return len(old)
