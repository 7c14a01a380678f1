"""Use cases: a call with side effects waits for the one who asked, and is made once."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction
from pydantic import TypeAdapter

from apps.agents.errors import ApprovalNeeded, EffectUncertain
from apps.agents.models import Conversation, Message, PendingCall, SideEffect
from apps.agents.policies import require
from apps.agents.selectors.approvals import STALLED_AFTER, call_info, own_call
from apps.agents.services.effects import EffectNotMade, once, settle_effect
from apps.agents.services.pausing import NOT_DECIDED, go_on_after, waiting_answer
from apps.agents.specs import ToolSpec
from apps.agents.teams.grants import EVERYTHING, Grant
from apps.agents.tools.base import Offered, ToolFailed, call_within_limits
from apps.agents.tools.toolbox import Workshop, offered
from apps.agents.types import AgentsPermission, CallState, ChatTarget, FinishReason, PendingCallInfo, Step
from apps.core import clock
from apps.core.errors import Conflict, DependencyFailed, DomainError, InvalidInput
from apps.core.tenant import tenant_scope
from apps.core.turns import away
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

APPROVAL_LASTS = timedelta(minutes=30)
SHOWN_CHARACTERS = 1_500
"""So much of a result is shown in the conversation; all of it is kept with the call."""

HAPPENED = "It took effect, as a person found."
NOT_HAPPENED = "It did not take effect, as a person found, and was not made again."

_SPEC: TypeAdapter[ToolSpec] = TypeAdapter(ToolSpec)


def arguments_hash(arguments: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON: what an approval is bound to."""
    raw = json.dumps(arguments, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(raw.encode()).hexdigest()


def ask_for_approval(
    *,
    actor: Actor,
    target: ChatTarget,
    conversation_id: UUID | None,
    spec: ToolSpec,
    tool: Offered,
    arguments: dict[str, Any],
    delegated: Grant = EVERYTHING,
) -> PendingCallInfo:
    """Keep a call until the actor decides. The same waiting call is found again instead of kept twice.

    Args:
        delegated: what an agent that the call asks may do then.
    """
    with tenant_scope(actor.organisation_id), transaction.atomic():
        row = _same_call(actor, target, tool, arguments)
        if row is None:
            row = PendingCall.objects.create(
                tenant_id=actor.organisation_id,
                agent_id=target.agent_id,
                agent_name=target.config.name,
                owner_id=target.owner_id,
                user_id=actor.user_id,
                conversation_id=conversation_id,
                effect_scope=target.effect_scope,
                spec=spec.model_dump(mode="json"),
                tool=tool.name,
                arguments=arguments,
                arguments_hash=arguments_hash(arguments),
                grant=delegated.as_json(),
                expires_at=clock.now() + APPROVAL_LASTS,
            )
        return call_info(row)


def call_in_step(*, actor: Actor, target: ChatTarget, spec: ToolSpec, tool: Offered, arguments: dict[str, Any]) -> str:
    """Make a call with side effects within a step: once, after its approval. Must not be called in a transaction.

    Raises:
        ApprovalNeeded: nobody has approved it yet; begin the step again when somebody has.
        EffectUncertain: it was begun before and its end is not known.
        ToolFailed: it was refused or failed.
    """
    asked = ask_for_approval(
        actor=actor, target=target, conversation_id=None, spec=spec, tool=tool, arguments=arguments
    )
    if asked.state is CallState.REFUSED:
        raise ToolFailed(f"{tool.name} was not allowed.", is_untouched=True)
    if asked.state is not CallState.APPROVED and asked.state is not CallState.DONE:
        raise ApprovalNeeded(str(asked.id), tool.name, arguments)
    return _made_once(target.owner_id, target.effect_scope, tool, arguments)


def decide_call(*, actor: Actor, call_id: UUID, approve: bool) -> PendingCallInfo:
    """Approve a waiting call, which is then made once, or refuse it. Deciding again changes nothing.

    A call of a team's step is only marked: the step makes it. Must not be called inside a transaction.

    An answer that has waited for it goes on in the background: `answer_id` of what is returned can be followed. A call
    whose end cannot be known is `uncertain` then, and `settle_call` says what became of it.

    Raises:
        NotFound: the call is not the actor's to decide.
        Conflict: it has expired.
    """
    with tenant_scope(actor.organisation_id):
        with transaction.atomic():
            require(actor, AgentsPermission.CHAT)
            row = own_call(actor, call_id, lock=True)
            is_ours = _decide(actor, row, approve=approve)
        if is_ours and not row.effect_scope:
            _make(row)
        return _with_answer(own_call(actor, call_id))


def settle_call(*, actor: Actor, call_id: UUID, happened: bool, again: bool = False) -> PendingCallInfo:
    """The one who asked has looked whether an uncertain call took effect: the answer goes on with that.

    Args:
        again: it did not happen, and is made again.

    Raises:
        NotFound: the call is not the actor's.
        Conflict: it is not uncertain (any more).
    """
    with tenant_scope(actor.organisation_id):
        with transaction.atomic():
            require(actor, AgentsPermission.CHAT)
            row = own_call(actor, call_id, lock=True)
            if row.state != CallState.UNCERTAIN:
                raise Conflict("call_not_uncertain", "What became of this call is known.")
            _settle_effect(row, actor, happened=happened)
            record_audit(
                actor,
                action="agent.call_settled",
                target_type="pending_call",
                target_id=row.id,
                detail={"tool": row.tool, "happened": happened, "again": again},
            )
            if happened:
                _end(row, CallState.DONE, HAPPENED)
            elif again:
                PendingCall.objects.filter(id=row.id).update(state=CallState.APPROVED, decided_at=clock.now())
                row.refresh_from_db()
            else:
                _end(row, CallState.FAILED, NOT_HAPPENED)
        if again and not happened:
            _make(row)
        return _with_answer(own_call(actor, call_id))


def _decide(actor: Actor, row: PendingCall, *, approve: bool) -> bool:
    """Note the decision; whether the call is now ours to make."""
    now = clock.now()
    if row.state == CallState.APPROVED and row.decided_at is not None:
        return approve and now - row.decided_at > STALLED_AFTER
    if row.state == CallState.EXPIRED or (row.state == CallState.WAITING and row.expires_at <= now):
        raise Conflict("approval_expired", "This call waited too long. Ask again.")
    if row.state != CallState.WAITING:
        return False
    row.state = CallState.APPROVED if approve else CallState.REFUSED
    row.decided_at = now
    row.save(update_fields=["state", "decided_at"])
    record_audit(
        actor,
        action="agent.call_approved" if approve else "agent.call_refused",
        target_type="pending_call",
        target_id=row.id,
        detail={"tool": row.tool, "arguments_sha256": row.arguments_hash},
    )
    if not approve and not go_on_after(row):
        detail = {"arguments": row.arguments, "problem": "You refused it.", "approval": str(row.id)}
        _say(row, f"**{row.tool}** was not called: you refused.", Step("tool", row.tool, 0.0, detail))
    return approve


def _make(row: PendingCall) -> None:
    """Make an approved call and keep what came of it; in the conversation too, where there is one."""
    started = time.monotonic()
    try:
        tool = async_to_sync(_tool_of)(row)
        result, state = _made_once(row.owner_id, _scope(row), tool, row.arguments), CallState.DONE
    except ToolFailed as error:
        result, state = error.message, CallState.FAILED
    except EffectUncertain as error:
        PendingCall.objects.filter(id=row.id, state=CallState.APPROVED).update(
            state=CallState.UNCERTAIN, result=error.message
        )
        return
    with transaction.atomic():
        _end(row, state, result, round(time.monotonic() - started, 3))


def _scope(row: PendingCall) -> str:
    return f"approval:{row.id}"


def _settle_effect(row: PendingCall, actor: Actor, *, happened: bool) -> None:
    with tenant_scope(row.owner_id):
        effect = SideEffect.objects.filter(scope=_scope(row)).first()
    if effect is not None:
        settle_effect(
            organisation_id=row.owner_id,
            effect_id=effect.id,
            user_id=actor.user_id,
            happened=happened,
            result=HAPPENED,
        )


def _with_answer(row: PendingCall) -> PendingCallInfo:
    """The call, with the answer that goes on after it."""
    info = call_info(row)
    paused = waiting_answer(row) if info.state not in NOT_DECIDED else None
    return info if paused is None else replace(info, answer_id=paused.id, message_id=paused.message_id)


def _end(row: PendingCall, state: CallState, result: str, seconds: float = 0.0) -> None:
    """Keep what came of a call; the answers that wait for it go on, or it is said in its conversation."""
    open_states = (CallState.APPROVED, CallState.UNCERTAIN)
    if not PendingCall.objects.filter(id=row.id, state__in=open_states).update(state=state, result=result):
        return  # somebody else was faster
    if not go_on_after(row):
        came = "result" if state is CallState.DONE else "problem"
        call = Step("tool", row.tool, seconds, {"arguments": row.arguments, came: result, "approval": str(row.id)})
        if state is CallState.DONE:
            shown = result[:SHOWN_CHARACTERS].replace("```", "'''")
            said = f"**{row.tool}** was called, as you allowed. It answered:\n\n```\n{shown}\n```"
        else:
            said = f"You allowed **{row.tool}**, and it failed: {result}"
        _say(row, said, call, seconds)


def _say(row: PendingCall, said: str, step: Step, seconds: float = 0.0) -> None:
    """Put what became of a call at the end of its conversation."""
    conversation = Conversation.objects.filter(id=row.conversation_id).first() if row.conversation_id else None
    if conversation is None:
        return
    kept = Message.objects.create(
        tenant_id=row.tenant_id,
        conversation=conversation,
        parent_id=conversation.leaf_id,
        role="assistant",
        text=said,
        finish=FinishReason.STOP,
        seconds=seconds,
        steps=[step.as_json()],
    )
    Conversation.objects.filter(id=conversation.id).update(leaf_id=kept.id, updated_at=clock.now())


async def _tool_of(row: PendingCall) -> Offered:
    spec = _SPEC.validate_python(row.spec)

    async def nothing(*_: str) -> str:
        return ""

    def delegate() -> Grant:
        return Grant.from_json(row.grant)

    tools, problems = await offered([spec], Workshop(row.owner_id, nothing, nothing, delegate, is_strong=True))
    found = next((tool for tool in tools if tool.name == row.tool), None)
    if found is None:
        raise ToolFailed(problems[0] if problems else f"{row.tool} is not there any more.", is_untouched=True)
    return found


def _made_once(owner_id: UUID, scope: str, tool: Offered, arguments: dict[str, Any]) -> str:
    def call(key: str) -> str:
        try:
            with away():
                return async_to_sync(call_within_limits)(tool, arguments, key, tool.timeout_s)
        except ToolFailed as error:
            if error.is_untouched:
                raise EffectNotMade(InvalidInput("tool_failed", error.message)) from error
            raise DependencyFailed("tool_failed", error.message) from error

    try:
        return str(once(organisation_id=owner_id, scope=scope, tool=tool.name, arguments=arguments, call=call))
    except DomainError as error:
        if error.code == "tool_failed":
            raise ToolFailed(error.message, is_untouched=True) from error
        raise


def _same_call(actor: Actor, target: ChatTarget, tool: Offered, arguments: dict[str, Any]) -> PendingCall | None:
    """The call of this user with these arguments: in a step whatever its state, in a chat only while it waits."""
    same = PendingCall.objects.select_for_update().filter(
        user_id=actor.user_id,
        agent_id=target.agent_id,
        tool=tool.name,
        arguments_hash=arguments_hash(arguments),
        effect_scope=target.effect_scope,
    )
    if not target.effect_scope:
        same = same.filter(state=CallState.WAITING, expires_at__gt=clock.now())
    found = same.order_by("-id").first()
    if found is not None and found.state == CallState.WAITING and found.expires_at <= clock.now():
        return None
    return None if found is not None and found.state == CallState.EXPIRED else found
