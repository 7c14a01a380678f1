"""Agent cards: what an agent can do and where it is reached, one each and one for the platform."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types.a2a_pb2 import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentProvider,
    AgentSkill,
    HTTPAuthSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)
from django.conf import settings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from apps.agents import selectors
from apps.agents.servers.calls import in_thread, visible_agent
from apps.agents.types import PublicAgent
from apps.tenancy.selectors import organisation

BINDING = "JSONRPC"
VERSIONS = ("1.0", "0.3")
TEXT = ["text/plain"]
LISTED = 50
"""Agents on the platform's card."""


async def serve(authorization: str, slug: str, scope: Any, receive: Any, send: Any) -> None:
    """Answer the well-known address of an agent, or of the platform (no slug)."""
    body = await in_thread(_card_of, authorization, slug) if slug else await in_thread(_platform_card)
    tag = f'W/"{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=60", "Vary": "Authorization"}
    request = Request(scope, receive)
    if request.method not in ("GET", "HEAD"):
        answer = Response(status_code=405, headers={"Allow": "GET, HEAD"})
    elif request.headers.get("if-none-match") == tag:
        answer = Response(status_code=304, headers=headers)
    else:
        answer = JSONResponse(body, headers=headers)
    await answer(scope, receive, send)


def agent_card(agent: PublicAgent, provider: str) -> AgentCard:
    """The card of a published agent."""
    base = f"{settings.PUBLIC_URL}/a/{agent.slug}"
    card = _card(agent.name, agent.job, [AgentInterface(url=f"{base}/a2a")], [_skill(agent)])
    card.version = str(agent.number)
    card.documentation_url = f"{base}/"
    card.provider.CopyFrom(AgentProvider(organization=provider, url=f"{base}/"))
    return card


def _card_of(authorization: str, slug: str) -> dict[str, Any]:
    agent = visible_agent(authorization, slug)
    return dict(agent_card_to_dict(agent_card(agent, organisation(agent.organisation_id).name)))


def _platform_card() -> dict[str, Any]:
    """The platform as one agent: whoever calls it names an agent by `tenant`."""
    agents = selectors.offered_agents(LISTED)
    url = settings.PUBLIC_URL
    lead = "Agents that answer from their makers' documents. Name one in `tenant`: the id of its skill."
    interfaces = [AgentInterface(url=f"{url}/a2a", tenant=agent.slug) for agent in agents]
    card = _card("Sahara", lead, interfaces or [AgentInterface(url=f"{url}/a2a")], [_skill(agent) for agent in agents])
    card.version = "1"
    card.documentation_url = f"{url}/developers/"
    card.provider.CopyFrom(AgentProvider(organization="Sahara", url=url))
    return dict(agent_card_to_dict(card))


def _card(name: str, description: str, interfaces: Sequence[AgentInterface], skills: Sequence[AgentSkill]) -> AgentCard:
    card = AgentCard(name=name, description=description, default_input_modes=TEXT, default_output_modes=TEXT)
    for interface in interfaces:
        for version in VERSIONS:
            offered = AgentInterface(protocol_binding=BINDING, protocol_version=version)
            offered.MergeFrom(interface)
            card.supported_interfaces.append(offered)
    card.capabilities.CopyFrom(AgentCapabilities(streaming=True, push_notifications=False, extended_agent_card=False))
    scheme = HTTPAuthSecurityScheme(scheme="Bearer", description="An API key of the platform (sk_…)")
    card.security_schemes["key"].CopyFrom(SecurityScheme(http_auth_security_scheme=scheme))
    needed = SecurityRequirement()
    needed.schemes["key"].CopyFrom(StringList())
    card.security_requirements.append(needed)
    card.skills.extend(skills)
    return card


def _skill(agent: PublicAgent) -> AgentSkill:
    return AgentSkill(
        id=agent.slug, name=agent.name, description=agent.job, tags=["question answering"], examples=agent.starters
    )
