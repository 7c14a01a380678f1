"""Published agents: who may use them, and what a chat with them runs."""

from __future__ import annotations

from uuid import UUID

from apps.agents.errors import AgentNotFound, LicenceRequired
from apps.agents.models import AgentVersion, PublishedAgent
from apps.agents.offers import offer_for
from apps.agents.selectors.ab_tests import assigned_to
from apps.agents.selectors.agents import version_info
from apps.agents.types import AgentVersionInfo, ChatTarget, PublicAgent, Visitor
from apps.assets import selectors as assets
from apps.assets.types import AccessRight
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge
from apps.tenancy.types import Actor


def public_agent(slug: str) -> PublicAgent:
    """The public facts of a published agent, whoever asks.

    Raises:
        AgentNotFound: no published agent has this slug.
    """
    row = PublishedAgent.objects.filter(slug=slug).first()
    if row is None:
        raise AgentNotFound(slug)
    return _public(row)


def slug_of(agent_id: UUID) -> str | None:
    """The public address of an agent that was published."""
    return PublishedAgent.objects.filter(agent_id=agent_id).values_list("slug", flat=True).first()


def access_to(actor: Actor | None, slug: str) -> PublicAgent:
    """The agent, if the actor's organisation owns it or holds the right to use it.

    Raises:
        AgentNotFound: it does not exist, is paused, or is neither the caller's nor for sale.
        LicenceRequired: it is for sale; `buy_url` says where and `price` for how much.
    """
    found = public_agent(slug)
    if actor is not None and not actor.may_use_agent(found.agent_id):
        raise AgentNotFound(slug)
    if actor is not None and may_use(actor.organisation_id, found):
        if found.is_paused and actor.organisation_id != found.organisation_id:
            raise AgentNotFound(slug)
        return found
    offer = None if found.is_paused else offer_for(found.asset_id)
    if offer is None:
        raise AgentNotFound(slug)
    raise LicenceRequired(
        "license_required",
        f"{found.name} needs a licence. Get one at {offer.url} and call again.",
        agent=found.slug,
        asset_id=str(found.asset_id),
        buy_url=offer.url,
        price=offer.price.as_json() if offer.price is not None else None,
    )


def may_use(organisation_id: UUID, found: PublicAgent) -> bool:
    """Whether the organisation owns the agent or holds the right to use it."""
    return organisation_id == found.organisation_id or assets.has_right(
        organisation_id, found.asset_id, AccessRight.USE
    )


def usable_agents(actor: Actor) -> list[PublicAgent]:
    """The published agents that the actor's organisation may call: its own and the licensed ones."""
    own = PublishedAgent.objects.filter(organisation_id=actor.organisation_id)
    licensed = PublishedAgent.objects.filter(
        asset_id__in=assets.granted_asset_ids(actor.organisation_id, AccessRight.USE), is_paused=False
    )
    return [_public(row) for row in (own | licensed).distinct() if actor.may_use_agent(row.agent_id)]


def offered_agents(count: int) -> list[PublicAgent]:
    """The newest published agents that are for sale: the public knows of them."""
    rows = PublishedAgent.objects.filter(is_paused=False)[: count * 2]
    return [_public(row) for row in rows if offer_for(row.asset_id) is not None][:count]


def published_target(actor: Actor | None, slug: str, visitor: Visitor | None = None) -> ChatTarget:
    """What a call of a published agent runs; checks access first.

    Args:
        visitor: takes part in an A/B test where one is running; without it the live version answers.
    """
    found = access_to(actor, slug)
    with tenant_scope(found.organisation_id):
        assigned = assigned_to(found.agent_id, visitor) if visitor is not None else None
        version = version_info(AgentVersion.objects.get(id=assigned.version_id if assigned else found.version_id))
        documents = documents_of(found.organisation_id, version)
    return ChatTarget(
        agent_id=found.agent_id,
        owner_id=found.organisation_id,
        slug=found.slug,
        config=version.config,
        version=version,
        asset_id=found.asset_id,
        document_ids=documents,
        assigned=assigned,
    )


def documents_of(owner_id: UUID, version: AgentVersionInfo) -> frozenset[UUID]:
    """The documents of the knowledge releases that a version answers from; in its owner's organisation."""
    owner = Actor.system(owner_id)
    return frozenset(
        document_id
        for pin in version.knowledge
        for document_id in knowledge.release(owner, pin.release_id).document_ids
    )


def _public(row: PublishedAgent) -> PublicAgent:
    return PublicAgent(
        agent_id=row.agent_id,
        asset_id=row.asset_id,
        asset_version_id=row.asset_version_id,
        version_id=row.version_id,
        organisation_id=row.organisation_id,
        slug=row.slug,
        name=row.name,
        job=row.job,
        starters=tuple(row.starters),
        number=row.number,
        is_paused=row.is_paused,
        published_at=row.published_at,
    )
