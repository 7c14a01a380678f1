"""Use cases: publish an agent's draft as a version, pause it, let it go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from apps.agents.errors import AgentNotFound, NotReadyToPublish
from apps.agents.events import AgentPublished
from apps.agents.models import AbTest, Agent, AgentVersion, PublishedAgent
from apps.agents.policies import require
from apps.agents.selectors.agents import config_of, get_agent, missing_for_publishing, version_info
from apps.agents.types import AbTestState, AgentConfig, AgentsPermission, AgentState, AgentVersionInfo, KnowledgePin
from apps.assets import services as assets
from apps.assets.types import AssetKind, ContributionSpec, ParentRef
from apps.core import clock, outbox
from apps.core.errors import InvalidInput
from apps.knowledge import services as knowledge
from apps.onchain.services import keccak_root
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

DEFAULT_PARENT_BPS = 2000
"""Part of an agent's revenue that goes to each knowledge base and model it is built on, unless said otherwise."""
MAX_PARENTS_BPS = 9000
BUILDER_ROLE = "agent builder"


def publish_agent(
    *, actor: Actor, agent_id: UUID, parent_weights_bps: Mapping[UUID, int] | None = None
) -> AgentVersionInfo:
    """Freeze the draft as the next version, register it as an asset with its provenance, and open it to callers.

    Publishes a new version of each changed knowledge base first. Publishing an unchanged draft over unchanged
    knowledge returns the version that is there. Another version than the live one ends a running A/B test.

    Args:
        parent_weights_bps: part of the revenue (1/100 of a percent) by knowledge base id or model version id; 2,000
            each where left out. Together at most 9,000.

    Raises:
        AgentNotFound: the agent is not the actor's.
        NotReadyToPublish: `missing` lists what to do, each with a link.
        InvalidInput: the weights are not possible.
    """
    require_ready(actor, agent_id)
    with transaction.atomic():
        row = lock_agent(actor, agent_id, AgentsPermission.PUBLISH)
        version = freeze_draft(actor, row, parent_weights_bps or {})
        _go_live(row, version)
    return version_info(version)


def freeze_draft(actor: Actor, row: Agent, parent_weights_bps: Mapping[UUID, int]) -> AgentVersion:
    """The draft of a locked agent as a version: a new one, or the newest where nothing has changed since."""
    config = config_of(row)
    pins = [_pin(actor, base_id) for base_id in config.knowledge_base_ids]
    newest = AgentVersion.objects.filter(agent=row).order_by("-number").first()
    if newest is not None and _is_same(newest, config, pins):
        return newest
    return _release(actor, row, config, pins, _parents(config, pins, parent_weights_bps))


def require_ready(actor: Actor, agent_id: UUID) -> None:
    """Refuse what would open an unfinished draft to others, or one that falls short of its own checks.

    Raises:
        AgentNotFound: the agent is not the actor's.
        NotReadyToPublish: `missing` lists what to do, each with a link.
    """
    missing = missing_for_publishing(actor, agent_id)
    if missing:
        raise NotReadyToPublish(
            "agent_not_ready",
            missing[0].message,
            missing=[{"code": item.code, "message": item.message, "url": item.url} for item in missing],
        )


def go_back_to_version(*, actor: Actor, agent_id: UUID, number: int) -> AgentVersionInfo:
    """Put an earlier version live again, with the knowledge releases it was published with; the draft becomes the same.

    Raises:
        AgentNotFound: the agent is not the actor's, or it has no such version.
    """
    with transaction.atomic():
        row = lock_agent(actor, agent_id, AgentsPermission.PUBLISH)
        version = AgentVersion.objects.filter(agent=row, number=number).first()
        if version is None:
            raise AgentNotFound(f"{agent_id} version {number}")
        for field, value in _frozen(config_of(version)).items():
            setattr(row, field, value)
        _go_live(row, version)
        record_audit(actor, action="agent.restored", target_type="agent", target_id=row.id, detail={"number": number})
    return version_info(version)


def pause_agent(*, actor: Actor, agent_id: UUID) -> None:
    """Take a published agent off the air for everybody else. Versions and licences stay."""
    _set_paused(actor, agent_id, is_paused=True)


def resume_agent(*, actor: Actor, agent_id: UUID) -> None:
    """Put a paused agent back on the air."""
    _set_paused(actor, agent_id, is_paused=False)


def _set_paused(actor: Actor, agent_id: UUID, *, is_paused: bool) -> None:
    with transaction.atomic():
        row = lock_agent(actor, agent_id, AgentsPermission.PUBLISH)
        if row.state == AgentState.DRAFT:
            raise AgentNotFound(str(agent_id))
        row.state = AgentState.PAUSED if is_paused else AgentState.PUBLISHED
        row.save(update_fields=["state", "updated_at"])
        PublishedAgent.objects.filter(agent_id=row.id).update(is_paused=is_paused)
        action = "agent.paused" if is_paused else "agent.resumed"
        record_audit(actor, action=action, target_type="agent", target_id=row.id)


def lock_agent(actor: Actor, agent_id: UUID, permission: AgentsPermission) -> Agent:
    """The row of the actor's agent, locked."""
    get_agent(actor, agent_id, permission)
    row = Agent.objects.select_for_update(of=("self",)).select_related("current_version").get(id=agent_id)
    require(actor, permission, row)
    return row


def _pin(actor: Actor, base_id: UUID) -> KnowledgePin:
    release = knowledge.release_version(actor=actor, knowledge_base_id=base_id)
    return KnowledgePin(base_id, release.id, release.asset_version_id, release.number)


def _is_same(current: AgentVersion, config: AgentConfig, pins: Sequence[KnowledgePin]) -> bool:
    return current.config_hash == config.digest() and current.knowledge == [pin.as_json() for pin in pins]


def _parents(config: AgentConfig, pins: Sequence[KnowledgePin], weights: Mapping[UUID, int]) -> list[ParentRef]:
    """Knowledge base and model versions with their parts of the revenue."""
    wanted = {pin.asset_version_id: weights.get(pin.knowledge_base_id) for pin in pins}
    for version_id in (config.classifier_version_id, config.language_model_version_id):
        if version_id is not None:
            wanted[version_id] = weights.get(version_id)
    share = min(DEFAULT_PARENT_BPS, MAX_PARENTS_BPS // max(1, len(wanted)))
    refs = [ParentRef(version_id, share if bps is None else bps) for version_id, bps in wanted.items()]
    if any(ref.weight_bps < 1 for ref in refs) or sum(ref.weight_bps for ref in refs) > MAX_PARENTS_BPS:
        message = f"The parts of knowledge bases and models are at least 1 and together at most {MAX_PARENTS_BPS} bps."
        raise InvalidInput("invalid_weights", message, errors=[{"field": "parent_weights_bps", "message": message}])
    return refs


def _release(
    actor: Actor, row: Agent, config: AgentConfig, pins: Sequence[KnowledgePin], parents: Sequence[ParentRef]
) -> AgentVersion:
    if row.asset_id is None:
        asset = assets.register_asset(actor=actor, kind=AssetKind.AGENT, name=config.name, summary=config.job)
        row.asset_id = asset.id
    digest = config.digest()
    root = keccak_root([bytes.fromhex(digest), *(pin.asset_version_id.bytes for pin in pins)])
    number = (AgentVersion.objects.filter(agent=row).aggregate(last=Max("number"))["last"] or 0) + 1
    released = assets.release_version(
        actor=actor,
        asset_id=row.asset_id,
        content_root=root,
        # Public for good: what kind of agent it is, not its instruction.
        metadata={
            "template": row.template,
            "mode": str(config.mode),
            "knowledge_bases": len(pins),
            "config_sha256": digest,
            "slug": row.slug,
        },
        parents=parents,
        contributions=[ContributionSpec(organisation_id=actor.organisation_id, role=BUILDER_ROLE, weight=1)],
    )
    version = AgentVersion.objects.create(
        tenant_id=row.tenant_id,
        agent=row,
        number=number,
        asset_version_id=released.id,
        knowledge=[pin.as_json() for pin in pins],
        config_hash=digest,
        **_frozen(config),
    )
    record_audit(
        actor,
        action="agent.published",
        target_type="agent",
        target_id=row.id,
        detail={"number": number, "content_root": root},
    )
    outbox.publish(
        AgentPublished(
            agent_id=row.id,
            agent_version_id=version.id,
            asset_id=row.asset_id,
            asset_version_id=released.id,
            slug=row.slug,
        )
    )
    return version


def _frozen(config: AgentConfig) -> dict[str, object]:
    fields = dict(vars(config)) | config.extras().stored()
    return fields | {"knowledge_base_ids": list(config.knowledge_base_ids), "starters": list(config.starters)}


def _go_live(row: Agent, version: AgentVersion) -> None:
    if row.current_version_id != version.id:
        AbTest.objects.filter(agent=row, state=AbTestState.RUNNING).update(
            state=AbTestState.ENDED, ended_at=clock.now(), chosen=version
        )
    row.state, row.current_version = AgentState.PUBLISHED, version
    row.save()
    PublishedAgent.objects.update_or_create(
        agent_id=row.id,
        defaults={
            "slug": row.slug,
            "organisation_id": row.tenant_id,
            "asset_id": version.asset_version.asset_id,
            "asset_version_id": version.asset_version_id,
            "version_id": version.id,
            "number": version.number,
            "name": version.name,
            "job": version.job,
            "starters": version.starters,
            "is_paused": False,
            "published_at": clock.now(),
        },
    )
