"""Calls that change something outside happen once, however often the step that makes them is begun.

The row is committed before the call and its result after it. A step that is begun again finds the result, or finds that
the call was begun and no end is known: that cannot be told from here, so a person is asked (`EffectUncertain`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.agents.errors import EffectUncertain
from apps.agents.models import SideEffect
from apps.agents.teams.types import EffectState
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.tenant import tenant_scope


class EffectNotMade(Exception):
    """Raised by a call that surely changed nothing, around the error that says why; it may be made again."""

    def __init__(self, error: DomainError) -> None:
        super().__init__(error.message)
        self.error = error


def once(*, organisation_id: UUID, scope: str, tool: str, arguments: dict[str, Any], call: Callable[[str], Any]) -> Any:
    """The result of a call, made now or before. Must not be called inside a transaction.

    Args:
        scope: the step that makes the call; the same however often the step is begun.
        arguments: plain JSON; the same tool with the same arguments is called once a scope.
        call: makes it, given a key that is the same whenever this call is tried again (for `Idempotency-Key`), and
            returns plain JSON. It raises `EffectNotMade` where surely nothing was changed.

    Raises:
        EffectUncertain: it was begun before, and nobody knows whether it took effect.
        DomainError: the call was refused and changed nothing.
    """
    effect = _begin(organisation_id, scope, tool, arguments)
    if effect.state == EffectState.DONE:
        return effect.result
    try:
        result = call(str(effect.id))
    except EffectNotMade as refused:
        _end(effect, EffectState.UNDONE, problem=refused.error.message)
        raise refused.error from refused
    except DomainError as error:
        _note(effect, error.message)
        raise EffectUncertain(tool, str(effect.id), organisation_id) from error
    _end(effect, EffectState.DONE, result=result)
    return result


def settle_effect(*, organisation_id: UUID, effect_id: UUID, user_id: UUID | None, happened: bool, result: Any) -> None:
    """A person has looked: it happened, with this result, or it did not and may be tried again."""
    with tenant_scope(organisation_id), transaction.atomic():
        effect = SideEffect.objects.select_for_update().get(id=effect_id)
        if effect.state != EffectState.STARTED:
            return  # its end has become known meanwhile
        effect.decided_by = user_id
        effect.state = EffectState.DONE if happened else EffectState.UNDONE
        effect.result = result if happened else None
        effect.ended_at = clock.now()
        effect.save()


def _begin(organisation_id: UUID, scope: str, tool: str, arguments: dict[str, Any]) -> SideEffect:
    raw = json.dumps(arguments, sort_keys=True, ensure_ascii=False)
    with tenant_scope(organisation_id), transaction.atomic(durable=True):
        effect, is_new = SideEffect.objects.select_for_update().get_or_create(
            tenant_id=organisation_id,
            scope=scope,
            tool=tool,
            arguments_hash=hashlib.sha256(raw.encode()).hexdigest(),
            defaults={"arguments": arguments, "started_at": clock.now()},
        )
        if not is_new and effect.state == EffectState.STARTED:
            raise EffectUncertain(tool, str(effect.id), organisation_id)
        if effect.state == EffectState.UNDONE:
            effect.state, effect.started_at, effect.ended_at = EffectState.STARTED, clock.now(), None
            effect.problem = ""
            effect.save()
        return effect


def _end(effect: SideEffect, state: EffectState, *, result: Any = None, problem: str = "") -> None:
    """Its end, unless a person has said meanwhile what became of it."""
    with tenant_scope(effect.tenant_id), transaction.atomic(durable=True):
        SideEffect.objects.filter(id=effect.id, state=EffectState.STARTED).update(
            state=state, result=result, problem=problem, ended_at=clock.now()
        )


def _note(effect: SideEffect, problem: str) -> None:
    with tenant_scope(effect.tenant_id), transaction.atomic(durable=True):
        SideEffect.objects.filter(id=effect.id).update(problem=problem)
