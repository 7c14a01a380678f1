"""Use case: start an agent from a template."""

from __future__ import annotations

import io
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils.text import slugify

from apps.agents.catalogue import AgentTemplate, template
from apps.agents.models import Agent
from apps.agents.policies import require
from apps.agents.selectors.agents import agent_info
from apps.agents.services.evaluations import save_evaluation_set
from apps.agents.services.upload_table import upload_table
from apps.agents.specs import AnswerChecks, Extras, TableTool
from apps.agents.types import AgentInfo, AgentsPermission
from apps.core.ids import uuid7
from apps.knowledge import selectors as knowledge
from apps.knowledge import services as knowledge_services
from apps.knowledge.services import Upload
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

SLUG_LETTERS = 80


def create_agent_from_template(
    *, actor: Actor, template_key: str, name: str = "", knowledge_base_ids: Sequence[UUID] | None = None
) -> AgentInfo:
    """A draft that works at once: filled from the template, with the example documents and tables to ask about, and
    its evaluation set, which publishing does not wait for.

    Args:
        name: instead of the template's.
        knowledge_base_ids: existing knowledge bases instead of a new one with the example documents.

    Raises:
        NotFound: no such template, or a knowledge base is not the actor's.
    """
    require(actor, AgentsPermission.CREATE)
    chosen = template(template_key)
    title = " ".join(name.replace("\x00", "").split())[:80] or chosen.name
    extras = chosen.extras
    if knowledge_base_ids is None:
        bases = [_example_base(actor, chosen, title)]
        extras = _with_examples(actor, chosen, title)
    else:
        bases = [knowledge.knowledge_base(actor, base_id).id for base_id in knowledge_base_ids]
    with transaction.atomic():
        agent_id = uuid7()
        row = Agent.objects.create(
            id=agent_id,
            tenant_id=actor.organisation_id,
            slug=free_slug(title, agent_id),
            template=chosen.key,
            name=title,
            job=chosen.job,
            instruction=chosen.instruction,
            tone=chosen.tone,
            mode=chosen.mode,
            starters=list(chosen.starters),
            knowledge_base_ids=bases,
            **extras.stored(),
        )
        record_audit(
            actor,
            action="agent.created",
            target_type="agent",
            target_id=row.id,
            detail={"template": chosen.key, "name": title},
        )
    return agent_info(row)


def free_slug(name: str, agent_id: UUID) -> str:
    """The name as a slug, with the end of the id behind it: the public addresses are one space for everybody."""
    return f"{slugify(name)[:SLUG_LETTERS] or 'agent'}-{agent_id.hex[-8:]}"


def _example_base(actor: Actor, chosen: AgentTemplate, title: str) -> UUID:
    base = knowledge_services.create_knowledge_base(
        actor=actor, name=f"{title}: documents", description=f"What the agent {title} answers from."
    )
    contents = [(name, chosen.content(name)) for name in chosen.documents]
    knowledge_services.add_documents(
        actor=actor,
        knowledge_base_id=base.id,
        files=[Upload(f"Example {name}", len(content), io.BytesIO(content)) for name, content in contents],
    )
    return base.id


def _with_examples(actor: Actor, chosen: AgentTemplate, title: str) -> Extras:
    """The template's tools and limits, with its tables uploaded and its evaluation set kept."""
    tables = tuple(
        TableTool(
            name=one.name,
            examples=one.examples,
            table_id=upload_table(actor=actor, filename=one.file, file=io.BytesIO(chosen.content(one.file))).id,
        )
        for one in chosen.tables
    )
    cases = [
        {"question": case.question, "expected": case.expected, "unknown": None if case.answerable else True}
        for case in chosen.cases()
    ]
    kept = save_evaluation_set(actor=actor, name=f"{title}: questions about the examples", cases=cases)
    checks = AnswerChecks(evaluation_set_id=kept.id, required=False)
    return chosen.extras.model_copy(update={"tools": (*tables, *chosen.extras.tools), "checks": checks})
