"""Responses that are kept for callers of the API."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from apps.agents.models import StoredResponse
from apps.agents.policies import require
from apps.agents.types import AgentsPermission, Turn
from apps.core import clock
from apps.core.errors import NotFound
from apps.tenancy.types import Actor

KEPT_FOR = timedelta(days=30)
MAX_CHAIN = 50
"""Responses of a chain that are read back; a prompt holds far fewer."""


def stored_response(actor: Actor, identifier: UUID) -> StoredResponse:
    """A response of the actor's organisation, of an agent that the caller's key is for.

    Raises:
        NotFound: there is none, or it is older than 30 days.
    """
    require(actor, AgentsPermission.CHAT)
    row = StoredResponse.objects.filter(id=identifier, created_at__gte=clock.now() - KEPT_FOR).first()
    if row is None or not actor.may_use_agent(row.agent_id):
        raise NotFound("response_not_found", f"There is no response resp_{identifier.hex} here.")
    return row


def turns_before(actor: Actor, previous: StoredResponse | None) -> list[Turn]:
    """The conversation that a response continues, oldest first."""
    chain: list[list[Turn]] = []
    while previous is not None and len(chain) < MAX_CHAIN:
        asked = [Turn(item["role"], item["text"]) for item in previous.input if item["role"] in ("user", "assistant")]
        chain.insert(0, [*asked, Turn("assistant", previous.text)])
        previous = StoredResponse.objects.filter(id=previous.previous_id).first() if previous.previous_id else None
    return [turn for turns in chain for turn in turns]
