"""The agents that a key can be limited to. The agents app, above this one, says so by `set_agent_lister`."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from apps.tenancy.types import Actor

AgentLister = Callable[[Actor], list[tuple[UUID, str]]]


def _none(actor: Actor) -> list[tuple[UUID, str]]:
    return []


_lister: AgentLister = _none


def set_agent_lister(lister: AgentLister) -> None:
    """Name who knows the agents; once, at start-up."""
    global _lister  # a registry of one
    _lister = lister


def agent_choices(actor: Actor) -> list[tuple[UUID, str]]:
    """Ids and names of the agents that the actor's organisation may call."""
    return _lister(actor)
