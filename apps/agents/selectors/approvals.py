"""Calls with side effects: those that wait for the actor, and what became of others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from apps.agents.models import PendingCall
from apps.agents.policies import require
from apps.agents.types import AgentsPermission, CallState, PendingCallInfo
from apps.core import clock
from apps.core.errors import NotFound
from apps.tenancy.types import Actor

DECIDED_SHOWN = 20
STALLED_AFTER = timedelta(minutes=2)
"""An approved call without an end after this was left by a killed process."""


def pending_calls(actor: Actor, conversation_id: UUID | None = None) -> list[PendingCallInfo]:
    """The calls that wait for this user, newest first; of one conversation where given.

    They wait to be allowed, or were begun and never came back, or it is not known whether they took effect.
    """
    require(actor, AgentsPermission.CHAT)
    rows = PendingCall.objects.filter(_waits(), user_id=actor.user_id).order_by("-id")
    if conversation_id is not None:
        rows = rows.filter(conversation_id=conversation_id)
    return [call_info(row) for row in rows[:100]]


def decided_calls(actor: Actor) -> list[PendingCallInfo]:
    """The last calls of this user that wait no longer, newest first."""
    require(actor, AgentsPermission.CHAT)
    rows = PendingCall.objects.filter(user_id=actor.user_id).exclude(_waits())
    return [call_info(row) for row in rows.order_by("-id")[:DECIDED_SHOWN]]


def calls_by_id(actor: Actor, call_ids: Iterable[UUID]) -> dict[UUID, PendingCallInfo]:
    """Those of the calls that are this user's."""
    require(actor, AgentsPermission.CHAT)
    rows = PendingCall.objects.filter(id__in=list(call_ids), user_id=actor.user_id)
    return {row.id: call_info(row) for row in rows}


def pending_call(actor: Actor, call_id: UUID) -> PendingCallInfo:
    """One call of this user. Raises NotFound."""
    return call_info(own_call(actor, call_id))


def own_call(actor: Actor, call_id: UUID, *, lock: bool = False) -> PendingCall:
    """The row; nobody but the one who asked decides, whatever their role."""
    rows = PendingCall.objects.select_for_update() if lock else PendingCall.objects.all()
    row = rows.filter(id=call_id, tenant_id=actor.organisation_id, user_id=actor.user_id).first()
    if row is None:
        raise NotFound("call_not_found", "There is no such call for you to decide.")
    return row


def _waits() -> Q:
    """For a person: to be allowed, or because it was begun and did not come back."""
    now = clock.now()
    is_stalled = Q(state=CallState.APPROVED, decided_at__lt=now - STALLED_AFTER, effect_scope="")
    return Q(state=CallState.WAITING, expires_at__gt=now) | Q(state=CallState.UNCERTAIN) | is_stalled


def call_info(row: PendingCall) -> PendingCallInfo:
    """A call as a plain value; one that nobody decided in time has expired."""
    state = CallState(row.state)
    if state is CallState.WAITING and row.expires_at <= clock.now():
        state = CallState.EXPIRED
    return PendingCallInfo(
        row.id,
        row.agent_id,
        row.agent_name,
        row.conversation_id,
        row.tool,
        row.arguments,
        state,
        row.result,
        row.created_at,
        row.expires_at,
        row.decided_at,
        in_team=bool(row.effect_scope),
    )
