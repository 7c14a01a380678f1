"""What is kept of an answer: the messages in the asker's organisation, the metering rows in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.agents.events import AgentCalled
from apps.agents.models import AbTestAnswer, AgentUsage, Conversation, Message
from apps.agents.runtime import Prepared
from apps.agents.selectors.conversations import get_conversation
from apps.agents.services.budgets import cost_micro_usd, note_day
from apps.agents.services.pausing import pause, unpause
from apps.agents.services.taking_back import as_kept
from apps.agents.types import Answer, ChatTarget, FinishReason, Paused, Step, Turn, UsageSide
from apps.core import clock, outbox
from apps.core.ids import uuid7
from apps.core.tenant import tenant_scope
from apps.tenancy import limits, quotas
from apps.tenancy.limits import Limit
from apps.tenancy.quotas import Reservation
from apps.tenancy.types import Actor

TITLE_LETTERS = 80


@dataclass(frozen=True)
class Place:
    """Where in a stored conversation an answer belongs: behind the question `question_id`. `answer_id` is the stored
    answer that goes on."""

    conversation_id: UUID
    question_id: UUID
    answer_id: UUID | None = None


def keep_question(
    *,
    actor: Actor,
    target: ChatTarget,
    question: str,
    conversation_id: UUID | None,
    parent_id: UUID | None,
    question_id: UUID | None,
) -> Place:
    """Store a question before it is answered, so that a lost answer leaves it behind.

    Args:
        conversation_id: None begins a conversation.
        parent_id: the message that it follows.
        question_id: it is stored already: its answer is asked for again.
    """
    with tenant_scope(actor.organisation_id), transaction.atomic():
        row = _conversation(actor, target, conversation_id)
        if not row.title:
            row.title = " ".join(question.split())[:TITLE_LETTERS]
        if question_id is None:
            question_id = Message.objects.create(
                tenant_id=actor.organisation_id, conversation=row, role="user", text=question, parent_id=parent_id
            ).id
        row.leaf_id = question_id
        row.save()
    return Place(row.id, question_id)


def keep_answer(
    *,
    actor: Actor,
    target: ChatTarget,
    place: Place | None,
    prepared: Prepared | None,
    answer: Answer,
    steps: tuple[Step, ...],
    prompt: tuple[Turn, ...],
    reservation: Reservation | None = None,
    paused: Paused | None = None,
    reader_id: UUID | None = None,
) -> UUID | None:
    """Store the answer behind its question (where there is one) and meter the call. Returns the message's id.

    Args:
        paused: it waits for a person and goes on after that; `reader_id` then reads the rest.
    """
    kept: UUID | None = None
    with transaction.atomic():
        if place is not None:
            said, done = as_kept(answer, steps)
            with tenant_scope(actor.organisation_id):
                if place.answer_id is not None:
                    kept = _store_rest(place.answer_id, said, done)
                    unpause(target.owner_id, place.answer_id)
                else:
                    kept = _store(actor, target, place, prepared, said, done, prompt if said is answer else ())
            if kept is not None and paused is not None:
                pause(
                    actor=actor,
                    target=target,
                    conversation_id=place.conversation_id,
                    message_id=kept,
                    reader_id=reader_id or actor.organisation_id,
                    paused=paused,
                )
        call_id = uuid7()
        if not target.is_part:
            limits.note_usage(
                organisation_id=token_payer(actor, target),
                limit=Limit.MODEL_TOKENS,
                amount=answer.prompt_tokens + answer.completion_tokens,
                key=f"answer:{call_id}",
            )
        cost = cost_micro_usd(target.config, answer.prompt_tokens, answer.completion_tokens)
        note_day(target, tokens=answer.prompt_tokens + answer.completion_tokens, micro_usd=cost)
        quotas.settle(reservation, answer.prompt_tokens + answer.completion_tokens)
        _meter(actor, target, answer, call_id)
        _note_in_test(target, answer, cost, kept)
    return kept


def token_payer(actor: Actor, target: ChatTarget) -> UUID:
    """Who asks pays for the tokens; for a visitor without an account, the agent's owner does."""
    return target.owner_id if actor.is_guest else actor.organisation_id


def _conversation(actor: Actor, target: ChatTarget, conversation_id: UUID | None) -> Conversation:
    if conversation_id is not None:
        return get_conversation(actor, conversation_id, target.agent_id)
    begun = target.assigned.conversation_id if target.assigned is not None else None
    return Conversation(
        id=begun or uuid7(),
        tenant_id=actor.organisation_id,
        agent_id=target.agent_id,
        agent_name=target.config.name,
        agent_owner_id=target.owner_id,
        user_id=actor.user_id,
        is_test=target.is_test,
    )


def _store(
    actor: Actor,
    target: ChatTarget,
    place: Place,
    prepared: Prepared | None,
    answer: Answer,
    steps: Sequence[Step],
    prompt: tuple[Turn, ...],
) -> UUID | None:
    if not Message.objects.filter(id=place.question_id).exists():
        return None  # the conversation was deleted while it was answered
    is_own = actor.organisation_id == target.owner_id
    # What another organisation's agent was told is its owner's business, not the asker's.
    told: list[dict[str, Any]] = [{"role": turn.role, "text": turn.text} for turn in prompt] if is_own else []
    row = Message.objects.create(
        tenant_id=actor.organisation_id,
        conversation_id=place.conversation_id,
        parent_id=place.question_id,
        role="assistant",
        text=answer.text,
        sources=[source.as_json() for source in answer.sources],
        label=answer.label.as_json() if answer.label is not None else None,
        finish=answer.finish,
        is_supported=answer.is_supported,
        problem=answer.problem,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        seconds=answer.seconds,
        first_token_s=answer.first_token_s,
        agent_version_id=target.version.id if target.version is not None else None,
        config_hash=target.config.digest(),
        language_model=prepared.model.name if prepared is not None else "",
        classifier=prepared.classifier.name if prepared is not None and prepared.classifier is not None else "",
        knowledge=[pin.as_json() for pin in target.version.knowledge] if target.version is not None else [],
        steps=[step.as_json() for step in steps],
        prompt=told,
    )
    Conversation.objects.filter(id=place.conversation_id).update(leaf_id=row.id, updated_at=clock.now())
    return row.id


def _store_rest(message_id: UUID, answer: Answer, steps: Sequence[Step]) -> UUID | None:
    """The rest of an answer that has waited, with what it took beside what the first part did."""
    row = Message.objects.select_for_update().filter(id=message_id, finish=FinishReason.WAITING).first()
    if row is None:
        return None  # another worker was faster, or the conversation was deleted
    row.text, row.finish, row.problem = answer.text, answer.finish, answer.problem
    row.is_supported = answer.is_supported
    row.prompt_tokens += answer.prompt_tokens
    row.completion_tokens += answer.completion_tokens
    row.seconds = round(row.seconds + answer.seconds, 3)
    row.steps = [*row.steps, *(step.as_json() for step in steps)]
    row.save()
    Conversation.objects.filter(id=row.conversation_id).update(updated_at=clock.now())
    return row.id


def _meter(actor: Actor, target: ChatTarget, answer: Answer, call_id: UUID) -> None:
    if target.version is None or target.asset_id is None:
        return
    sides = [(UsageSide.SERVED, target.owner_id)]
    if actor.organisation_id != target.owner_id:
        sides.append((UsageSide.USED, actor.organisation_id))
    for side, tenant_id in sides:
        with tenant_scope(tenant_id):
            AgentUsage.objects.create(
                tenant_id=tenant_id,
                call_id=call_id,
                side=side,
                agent_id=target.agent_id,
                asset_id=target.asset_id,
                agent_slug=target.slug,
                version_number=target.version.number,
                owner_id=target.owner_id,
                caller_id=actor.organisation_id,
                prompt_tokens=answer.prompt_tokens,
                completion_tokens=answer.completion_tokens,
                seconds=answer.seconds,
            )
    outbox.publish(
        AgentCalled(
            agent_id=target.agent_id,
            asset_id=target.asset_id,
            caller_organisation_id=actor.organisation_id,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
        ),
        tenant_id=target.owner_id,
    )


def _note_in_test(target: ChatTarget, answer: Answer, cost: int, message_id: UUID | None) -> None:
    if target.assigned is None:
        return
    with tenant_scope(target.owner_id):
        AbTestAnswer.objects.create(
            tenant_id=target.owner_id,
            ab_test_id=target.assigned.ab_test_id,
            version_id=target.assigned.version_id,
            subject=target.assigned.subject,
            message_id=message_id,
            finish=answer.finish,
            tokens=answer.prompt_tokens + answer.completion_tokens,
            micro_usd=cost,
            seconds=answer.seconds,
            first_token_s=answer.first_token_s,
        )
