"""Who calls an agent by a protocol, and blocking work on their behalf out of an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from django.db import connections

from apps.accounts.middleware import KEY_PREFIX, actor_of_api_key
from apps.agents import selectors
from apps.agents.errors import AgentNotFound, LicenceRequired
from apps.agents.selectors import visitor_of_call
from apps.agents.types import ChatTarget, PublicAgent, Visitor
from apps.core.errors import DomainError
from apps.core.tenant import tenant_scope
from apps.tenancy import quotas
from apps.tenancy.types import Actor

P = ParamSpec("P")
T = TypeVar("T")
BEARER = "bearer "


class KeyRefused(DomainError):
    """There is no key, or it is not valid (any more)."""


@dataclass(frozen=True)
class Caller:
    """Somebody with a key, and the published agent that they call."""

    actor: Actor
    agent: PublicAgent

    @property
    def is_owner(self) -> bool:
        """Whether the agent is the caller's own, whose key is for more than asking."""
        return self.actor.organisation_id == self.agent.organisation_id and not self.actor.only_asks

    def target(self, context: str = "") -> ChatTarget:
        """What answers; access is checked again. `context` names the conversation, where the protocol has one."""
        organisation_id = self.actor.organisation_id
        visitor = Visitor.in_context(organisation_id, context) if context else visitor_of_call(self.actor)
        return selectors.published_target(self.actor, self.agent.slug, visitor)

    def live_target(self) -> ChatTarget:
        """The live version, whatever is being tested."""
        return selectors.published_target(self.actor, self.agent.slug)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run code that reads the database in a thread, whose connections are given back afterwards."""

    def run() -> T:
        try:
            return work(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


async def for_caller(caller: Caller, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`in_thread`, in the caller's organisation."""

    def run() -> T:
        with tenant_scope(caller.actor.organisation_id):
            return work(*args, **kwargs)

    return await in_thread(run)


def identify(authorization: str, slug: str, path: str) -> Caller:
    """The caller of an agent.

    Raises:
        KeyRefused: no valid key.
        DomainError: the key may not, or has called too often; the agent does not exist, or needs a licence.
    """
    actor = _actor(authorization)
    if actor is None:
        raise KeyRefused("credentials_invalid", "Send a valid API key: Authorization: Bearer sk_…")
    with tenant_scope(actor.organisation_id):
        quotas.admit(actor, path)
        return Caller(actor, selectors.access_to(actor, slug))


def visible_agent(authorization: str, slug: str) -> PublicAgent:
    """What anybody who knows the address may know of an agent: that it is for sale is enough.

    Raises:
        AgentNotFound: it is neither for sale nor the caller's.
    """
    actor = _actor(authorization)
    try:
        if actor is None:
            return selectors.access_to(None, slug)
        with tenant_scope(actor.organisation_id):
            return selectors.access_to(actor, slug)
    except LicenceRequired:
        return selectors.public_agent(slug)


def _actor(authorization: str) -> Actor | None:
    if not authorization.lower().startswith(f"{BEARER}{KEY_PREFIX}"):
        return None
    return actor_of_api_key(authorization[len(BEARER) :])


def reason(error: DomainError) -> dict[str, Any]:
    """An error's facts for the data of a protocol's error."""
    return {"code": error.code, **{key: value for key, value in error.context.items() if key != "errors"}}


__all__ = [
    "AgentNotFound",
    "Caller",
    "KeyRefused",
    "for_caller",
    "identify",
    "in_thread",
    "reason",
    "visible_agent",
]
