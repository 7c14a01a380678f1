"""Question sets and what was found for them, as plain values."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Prefetch, QuerySet

from apps.core.errors import NotFound
from apps.knowledge.models import QuestionRun, QuestionSet
from apps.knowledge.policies import require
from apps.knowledge.question_types import CheckState, QuestionMiss, QuestionRunInfo, QuestionSetInfo
from apps.knowledge.selectors.bases import get_base
from apps.knowledge.types import KnowledgePermission
from apps.tenancy.types import Actor

#: So many runs of a set are shown, newest first.
RUNS_SHOWN = 10


def question_set_rows(actor: Actor, knowledge_base_id: UUID) -> QuerySet[QuestionSet]:
    """The rows behind `question_sets`, for cursor pages."""
    base = get_base(actor, knowledge_base_id, KnowledgePermission.VIEW)
    runs = Prefetch("runs", QuestionRun.objects.order_by("-id"), to_attr="known_runs")
    return QuestionSet.objects.filter(knowledge_base=base).prefetch_related(runs)


def question_sets(actor: Actor, knowledge_base_id: UUID) -> list[QuestionSetInfo]:
    """The question sets of a knowledge base, newest first."""
    return [question_set_info(row) for row in question_set_rows(actor, knowledge_base_id)]


def question_set_in(actor: Actor, knowledge_base_id: UUID, set_id: UUID) -> QuestionSetInfo:
    """The question set, if it is one of that knowledge base.

    Raises:
        NotFound: otherwise.
    """
    return question_set_info(get_question_set(actor, knowledge_base_id, set_id, KnowledgePermission.VIEW))


def get_question_set(
    actor: Actor, knowledge_base_id: UUID, set_id: UUID, permission: KnowledgePermission
) -> QuestionSet:
    """The row, after the permission check."""
    row = question_set_rows(actor, knowledge_base_id).filter(id=set_id).first()
    if row is None:
        raise NotFound("question_set_not_found", "There is no such question set.")
    require(actor, permission, row)
    return row


def question_set_info(row: QuestionSet) -> QuestionSetInfo:
    """A question set with its last runs as a plain value."""
    runs: list[QuestionRun] = getattr(row, "known_runs", [])
    return QuestionSetInfo(
        id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        name=row.name,
        questions=len(row.questions),
        runs=tuple(map(_run_info, runs[:RUNS_SHOWN])),
        created_at=row.created_at,
    )


def _run_info(row: QuestionRun) -> QuestionRunInfo:
    return QuestionRunInfo(
        id=row.id,
        state=CheckState(row.state),
        cause=row.cause,
        figures=row.figures,
        misses=tuple(QuestionMiss(**miss) for miss in row.misses),
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
