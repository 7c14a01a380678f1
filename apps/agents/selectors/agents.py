"""Agents, their drafts and versions as plain values."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from apps.agents.errors import AgentNotFound
from apps.agents.models import Agent, AgentSettings, AgentVersion
from apps.agents.policies import require
from apps.agents.selectors.evaluations import gate_problems
from apps.agents.specs import Extras
from apps.agents.types import (
    AgentConfig,
    AgentInfo,
    AgentsPermission,
    AgentState,
    AgentVersionInfo,
    AnswerMode,
    ChatTarget,
    KnowledgePin,
    Missing,
    Tone,
)
from apps.knowledge import selectors as knowledge
from apps.knowledge.types import KnowledgeBaseInfo
from apps.tenancy.types import Actor


def agent_rows(actor: Actor) -> QuerySet[Agent]:
    """The agents of the actor's organisation, newest first, for cursor pages."""
    require(actor, AgentsPermission.VIEW)
    rows = Agent.objects.select_related("current_version")
    if actor.key is not None and actor.key.agent_ids is not None:
        rows = rows.filter(id__in=actor.key.agent_ids)
    return rows


def agents(actor: Actor) -> list[AgentInfo]:
    """The agents of the actor's organisation, newest first."""
    return [agent_info(row) for row in agent_rows(actor)]


def agent(actor: Actor, agent_id: UUID) -> AgentInfo:
    """One agent with its draft.

    Raises:
        AgentNotFound: there is none of this id in the actor's organisation.
    """
    return agent_info(get_agent(actor, agent_id, AgentsPermission.VIEW))


def versions(actor: Actor, agent_id: UUID) -> list[AgentVersionInfo]:
    """The published versions, newest first."""
    row = get_agent(actor, agent_id, AgentsPermission.VIEW)
    return [version_info(version) for version in AgentVersion.objects.filter(agent=row).order_by("-number")]


def draft_target(actor: Actor, agent_id: UUID) -> ChatTarget:
    """The draft, for the builder's test chat; it answers from all ready documents."""
    row = get_agent(actor, agent_id, AgentsPermission.CHAT)
    return ChatTarget(row.id, row.tenant_id, row.slug, config_of(row), None, row.asset_id, None)


def missing_for_publishing(actor: Actor, agent_id: UUID) -> list[Missing]:
    """What stands between the draft and publishing, each with the page that puts it right."""
    row = get_agent(actor, agent_id, AgentsPermission.VIEW)
    edit = reverse("agent-edit", args=[row.id])
    found: list[Missing] = []
    if not row.instruction.strip():
        found.append(Missing("instruction", "Tell the agent what to do.", f"{edit}#id_instruction"))
    if row.mode == AnswerMode.LABEL and row.classifier_version_id is None:
        found.append(
            Missing("classifier", "Choose a trained classifier; this agent sorts with it.", f"{edit}#id_classifier")
        )
    if row.mode == AnswerMode.QUOTE and not row.knowledge_base_ids:
        found.append(Missing("knowledge", "Give the agent a document to quote from.", f"{edit}#id_file"))
    for base_id in row.knowledge_base_ids:
        found += _missing_in_base(knowledge.knowledge_base(actor, base_id))
    evaluate = reverse("agent-evaluations", args=[row.id])
    return found + [Missing("evaluation", problem, evaluate) for problem in gate_problems(row, config_of(row))]


def gate(actor: Actor, agent_id: UUID) -> list[str]:
    """What the draft's own checks hold against publishing; nothing where they hold or there are none."""
    row = get_agent(actor, agent_id, AgentsPermission.VIEW)
    return gate_problems(row, config_of(row))


def _missing_in_base(base: KnowledgeBaseInfo) -> list[Missing]:
    url = reverse("knowledge-base", args=[base.id])
    if base.processing:
        return [Missing("documents_processing", f"Wait until the documents of {base.name} are ready.", url)]
    if not base.ready:
        return [Missing("documents", f"{base.name} has no ready document. Add one.", url)]
    return []


def get_agent(actor: Actor, agent_id: UUID, permission: AgentsPermission) -> Agent:
    """The row, after the permission check."""
    row = Agent.objects.select_related("current_version").filter(id=agent_id).first()
    if row is None or not actor.may_use_agent(agent_id):
        raise AgentNotFound(str(agent_id))
    require(actor, permission, row)
    return row


def config_of(row: AgentSettings) -> AgentConfig:
    """The settings of a draft or version as a plain value."""
    return AgentConfig(
        name=row.name,
        job=row.job,
        instruction=row.instruction,
        tone=Tone(row.tone),
        mode=AnswerMode(row.mode),
        language_model_version_id=row.language_model_version_id,
        classifier_version_id=row.classifier_version_id,
        knowledge_base_ids=tuple(row.knowledge_base_ids),
        starters=tuple(row.starters),
        temperature=row.temperature,
        max_answer_tokens=row.max_answer_tokens,
        passages=row.passages,
        **vars(_extras(row)),
    )


def _extras(row: AgentSettings) -> Extras:
    """The JSON parts; what is empty is at its default."""
    stored = {name: getattr(row, name) for name in Extras.model_fields}
    return Extras.model_validate({name: value for name, value in stored.items() if value})


def agent_info(row: Agent) -> AgentInfo:
    """An agent row as a plain value."""
    config = config_of(row)
    current = row.current_version
    return AgentInfo(
        id=row.id,
        organisation_id=row.tenant_id,
        slug=row.slug,
        template=row.template,
        state=AgentState(row.state),
        config=config,
        asset_id=row.asset_id,
        current_version=current.number if current is not None else None,
        has_unpublished_changes=current is None or current.config_hash != config.digest(),
        created_at=row.created_at,
        revision=row.revision,
    )


def version_info(row: AgentVersion) -> AgentVersionInfo:
    """A version row as a plain value."""
    return AgentVersionInfo(
        id=row.id,
        agent_id=row.agent_id,
        number=row.number,
        config=config_of(row),
        knowledge=tuple(KnowledgePin.from_json(pin) for pin in row.knowledge),
        asset_version_id=row.asset_version_id,
        created_at=row.created_at,
    )
