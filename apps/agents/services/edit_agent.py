"""Use cases: change an agent's draft, give it documents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.agents.catalogue import template
from apps.agents.models import Agent
from apps.agents.models_in_use import classifier_in_use, language_model_in_use
from apps.agents.policies import require
from apps.agents.selectors.agents import agent_info, config_of, get_agent
from apps.agents.selectors.parts import require_usable
from apps.agents.services.drafts import note_revision, require_revision
from apps.agents.specs import Extras, read_extras
from apps.agents.types import MAX_STARTERS, AgentInfo, AgentsPermission, AnswerMode, Tone
from apps.core.errors import FieldProblem, InvalidInput, NotFound
from apps.knowledge import selectors as knowledge
from apps.knowledge import services as knowledge_services
from apps.knowledge.services import Upload
from apps.knowledge.types import AddedDocument
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

_TEXT_LIMITS = {"name": 80, "job": 300, "instruction": 2000}
_NUMBER_LIMITS = {"temperature": (0.0, 1.5), "max_answer_tokens": (16, 512), "passages": (1, 8)}


@dataclass(frozen=True)
class AgentChanges:
    """What shall be different; None leaves a field as it is.

    For the two models an explicit choice of "none" is `clear_…`.
    """

    name: str | None = None
    job: str | None = None
    instruction: str | None = None
    tone: str | None = None
    mode: str | None = None
    starters: Sequence[str] | None = None
    knowledge_base_ids: Sequence[UUID] | None = None
    language_model_version_id: UUID | None = None
    clear_language_model: bool = False
    classifier_version_id: UUID | None = None
    clear_classifier: bool = False
    temperature: float | None = None
    max_answer_tokens: int | None = None
    passages: int | None = None
    tools: Sequence[Mapping[str, Any]] | None = None
    model: Mapping[str, Any] | None = None
    guard: Mapping[str, Any] | None = None
    budget: Mapping[str, Any] | None = None
    checks: Mapping[str, Any] | None = None
    revision: int | None = None
    """The draft's revision that the changes were made from; None changes it whatever happened meanwhile."""


def update_agent(*, actor: Actor, agent_id: UUID, changes: AgentChanges) -> AgentInfo:
    """Change the draft. What is published stays as it is until it is published again.

    Raises:
        AgentNotFound: the agent is not the actor's.
        InvalidInput: with one line a bad field; nothing is changed then.
        NotFound: a knowledge base, a model or what a tool needs is not the actor's to use.
        EditConflict: somebody changed the draft after `changes.revision`, and not to what is asked for; says what.
            Nothing is changed then.
    """
    with transaction.atomic():
        get_agent(actor, agent_id, AgentsPermission.EDIT)
        row = Agent.objects.select_for_update(of=("self",)).get(id=agent_id)
        before = config_of(row)
        problems = [*_set_texts(row, changes), *_set_choices(row, changes), *_set_numbers(row, changes)]
        problems += _set_extras(row, changes)
        if problems:
            raise InvalidInput("invalid_agent", "Some fields are not valid.", errors=problems)
        _set_parts(actor, row, changes)
        if config_of(row) != before:  # what is there already overwrites nobody's work
            require_revision(get_agent(actor, agent_id, AgentsPermission.EDIT), changes.revision)
        require_usable(actor, config_of(row))
        note_revision(actor, row, before)
        row.save()
        record_audit(actor, action="agent.changed", target_type="agent", target_id=row.id, detail={"name": row.name})
    return agent_info(row)


def add_agent_documents(*, actor: Actor, agent_id: UUID, files: Sequence[Upload]) -> list[AddedDocument]:
    """Add files to the agent's first knowledge base (made if there is none); own files replace the examples.

    Raises:
        AgentNotFound: the agent is not the actor's.
        FileTooLarge, InvalidInput: as `add_documents` of the knowledge app.
    """
    with transaction.atomic():
        row = get_agent(actor, agent_id, AgentsPermission.EDIT)
        base_ids, name, chosen = (
            list(row.knowledge_base_ids),
            row.name,
            template(row.template) if row.template else None,
        )
    if not base_ids:
        base = knowledge_services.create_knowledge_base(actor=actor, name=f"{name}: documents")
        base_ids = [base.id]
        update_agent(actor=actor, agent_id=agent_id, changes=AgentChanges(knowledge_base_ids=base_ids))
    added = knowledge_services.add_documents(actor=actor, knowledge_base_id=base_ids[0], files=files)
    examples = (
        {hashlib.sha256(chosen.content(document)).hexdigest() for document in chosen.documents} if chosen else set()
    )
    kept = {item.document.id for item in added}
    for document in knowledge.documents(actor, base_ids[0]):
        if document.sha256 in examples and document.id not in kept:
            with suppress(NotFound):  # the page saves by itself too: another request may have removed it
                knowledge_services.remove_document(actor=actor, document_id=document.id)
    return added


def _set_texts(row: Agent, changes: AgentChanges) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    for field, limit in _TEXT_LIMITS.items():
        value = getattr(changes, field)
        if value is None:
            continue
        text = value.replace("\x00", "").strip()
        if not text or len(text) > limit:
            problems.append({"field": field, "message": f"Write 1 to {limit} characters."})
        setattr(row, field, text)
    if changes.starters is not None:
        starters = [" ".join(text.replace("\x00", "").split()) for text in changes.starters]
        row.starters = [text[:200] for text in starters if text][:MAX_STARTERS]
    return problems


def _set_choices(row: Agent, changes: AgentChanges) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    for field, choices in (("tone", set(Tone)), ("mode", set(AnswerMode))):
        value = getattr(changes, field)
        if value is None:
            continue
        if value not in {str(choice) for choice in choices}:
            names = ", ".join(sorted(str(choice) for choice in choices))
            problems.append({"field": field, "message": f"Choose one of: {names}."})
        setattr(row, field, value)
    return problems


def _set_numbers(row: Agent, changes: AgentChanges) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    for field, (low, high) in _NUMBER_LIMITS.items():
        value = getattr(changes, field)
        if value is None:
            continue
        if not low <= value <= high:
            problems.append({"field": field, "message": f"Choose a number from {low} to {high}."})
        setattr(row, field, value)
    return problems


def _set_extras(row: Agent, changes: AgentChanges) -> list[FieldProblem]:
    """Tools, model, guard rails, budget and checks, each replaced whole."""
    given = {name: getattr(changes, name) for name in Extras.model_fields}
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return []
    extras, problems = read_extras(given)
    if extras is not None:
        for name, value in extras.stored().items():
            if name in given:
                setattr(row, name, value)
    return problems


def _set_parts(actor: Actor, row: Agent, changes: AgentChanges) -> None:
    """Knowledge bases and models, each checked to be the organisation's to use."""
    require(actor, AgentsPermission.EDIT, row)
    if changes.knowledge_base_ids is not None:
        row.knowledge_base_ids = [
            knowledge.knowledge_base(actor, base_id).id for base_id in dict.fromkeys(changes.knowledge_base_ids)
        ]
    if changes.clear_language_model:
        row.language_model_version_id = None
    elif changes.language_model_version_id is not None:
        language_model_in_use(actor.organisation_id, changes.language_model_version_id)
        row.language_model_version_id = changes.language_model_version_id
    if changes.clear_classifier:
        row.classifier_version_id = None
    elif changes.classifier_version_id is not None:
        classifier_in_use(actor.organisation_id, changes.classifier_version_id)
        row.classifier_version_id = changes.classifier_version_id
