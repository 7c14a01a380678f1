"""Use case: find from which confidence on an agent should answer, by questions of which is known whether it can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from django.db import transaction

from apps.agents.runtime import LEAST_PASSAGES
from apps.agents.selectors.agents import config_of, get_agent
from apps.agents.services.edit_agent import AgentChanges, update_agent
from apps.agents.types import AgentConfig, AgentsPermission
from apps.core.errors import InvalidInput
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge
from apps.knowledge.types import CONFIDENT
from apps.tenancy.types import Actor

LEAST_QUESTIONS = 5
MOST_QUESTIONS = 200
PRIOR_QUESTIONS = 10
"""The default threshold counts as much as so many questions, so that a handful does not overturn it."""


@dataclass(frozen=True)
class KnownQuestion:
    """A question, and whether the agent's documents answer it."""

    text: str
    is_answerable: bool = True


@dataclass(frozen=True)
class Calibration:
    """The threshold that was found, and the shares of questions that are answered with it."""

    threshold: float
    answered_of_answerable: float
    answered_of_unanswerable: float
    questions: int
    made_unanswerable: int


def calibrate_agent(*, actor: Actor, agent_id: UUID, questions: Sequence[KnownQuestion]) -> Calibration:
    """Set the draft's threshold to where most of both kinds of questions are treated right.

    Where no question is known to have no answer, such are made: each is asked once more without the document that
    answered it best. Must not be called inside a transaction.

    Raises:
        AgentNotFound: the agent is not the actor's.
        InvalidInput: too few or too many questions, or the agent has no knowledge.
        DependencyFailed: the runner does not answer.
    """
    with tenant_scope(actor.organisation_id):
        with transaction.atomic():
            config = config_of(get_agent(actor, agent_id, AgentsPermission.EDIT))
            _check(config, questions)
            documents = {
                document.id for base in config.knowledge_base_ids for document in knowledge.documents(actor, base)
            }
        makes = all(question.is_answerable for question in questions)
        known = [_asked(actor, config, question, documents, makes=makes) for question in questions]
    answerable = [value for question, (value, _) in zip(questions, known, strict=True) if question.is_answerable]
    unanswerable = [value for question, (value, _) in zip(questions, known, strict=True) if not question.is_answerable]
    made = [value for _, value in known if value is not None]
    threshold = _threshold(answerable, unanswerable + made)
    guard = {**config.guard.model_dump(mode="json"), "min_confidence": threshold}
    update_agent(actor=actor, agent_id=agent_id, changes=AgentChanges(guard=guard))
    return Calibration(
        threshold=threshold,
        answered_of_answerable=_share(answerable, threshold),
        answered_of_unanswerable=_share(unanswerable + made, threshold),
        questions=len(questions),
        made_unanswerable=len(made),
    )


def _check(config: AgentConfig, questions: Sequence[KnownQuestion]) -> None:
    answerable = sum(question.is_answerable for question in questions)
    if answerable < LEAST_QUESTIONS or len(questions) > MOST_QUESTIONS:
        message = f"Give {LEAST_QUESTIONS} to {MOST_QUESTIONS} questions that the documents answer."
        raise InvalidInput("bad_questions", message, errors=[{"field": "questions", "message": message}])
    if not config.knowledge_base_ids:
        message = "The agent has no documents; there is nothing to be sure of."
        raise InvalidInput("knowledge_missing", message, errors=[{"field": "knowledge_base_ids", "message": message}])


def _asked(
    actor: Actor, config: AgentConfig, question: KnownQuestion, documents: set[UUID], *, makes: bool
) -> tuple[float, float | None]:
    """Confidence, and the one without the best document where that is asked for and leaves any."""
    passages = knowledge.search(
        actor=actor, knowledge_base_ids=config.knowledge_base_ids, query=question.text, k=LEAST_PASSAGES
    )
    found = knowledge.find_quotes(question.text, passages, count=1)
    if not makes or not found.quotes:
        return found.confidence, None
    rest = documents - {passages[found.quotes[0].passage_index].document_id}
    without = knowledge.search(
        actor=actor,
        knowledge_base_ids=config.knowledge_base_ids,
        query=question.text,
        k=LEAST_PASSAGES,
        document_ids=rest,
    )
    return found.confidence, knowledge.find_quotes(question.text, without, count=1).confidence


def _threshold(answerable: Sequence[float], unanswerable: Sequence[float]) -> float:
    """The middle of the best gap by mean of both shares, drawn to the default where few questions say so."""
    values = sorted({0.0, *answerable, *unanswerable, 1.0})
    gaps = [(low + high) / 2 for low, high in pairwise(values)]

    def right(threshold: float) -> float:
        return _share(answerable, threshold) - _share(unanswerable, threshold)

    best = max(gaps, key=lambda gap: (round(right(gap), 6), -abs(gap - CONFIDENT)))
    count = len(answerable) + len(unanswerable)
    return round((count * best + PRIOR_QUESTIONS * CONFIDENT) / (count + PRIOR_QUESTIONS), 3)


def _share(values: Sequence[float], threshold: float) -> float:
    return round(sum(value >= threshold for value in values) / len(values), 4) if values else 0.0
