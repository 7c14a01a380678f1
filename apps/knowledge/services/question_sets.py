"""Use cases: keep questions with known answers, and see what the search finds for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from uuid import UUID

from django.db import transaction

from apps.core import clock, live, outbox
from apps.core.errors import Conflict, DependencyFailed, DomainError, InvalidInput
from apps.knowledge.events import QuestionRunQueued
from apps.knowledge.models import Document, QuestionRun, QuestionSet
from apps.knowledge.question_types import CheckState, QuestionMiss, QuestionSetInfo
from apps.knowledge.questions import read_questions
from apps.knowledge.selectors.bases import get_base
from apps.knowledge.selectors.questions import get_question_set, question_set_in
from apps.knowledge.selectors.search import rank_documents
from apps.knowledge.services.documents import topic
from apps.knowledge.services.retrieval_figures import Figures
from apps.knowledge.types import KnowledgePermission, SearchMode
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MAX_SETS = 50
#: So many documents are named where others stand before the right one.
_NAMED = 3
_MAX_MISSES = 200


def add_question_set(*, actor: Actor, knowledge_base_id: UUID, name: str, text: str) -> QuestionSetInfo:
    """Keep questions, each with the names (or ids, or titles) of the documents that answer it, and ask them.

    Raises:
        NotFound: the knowledge base is not the actor's.
        InvalidInput: a row cannot be read, or names a document that is not there.
        Conflict: there are too many sets.
    """
    questions = read_questions(text)
    with transaction.atomic():
        base = get_base(actor, knowledge_base_id, KnowledgePermission.UPLOAD)
        if QuestionSet.objects.filter(knowledge_base=base).count() >= MAX_SETS:
            raise Conflict("too_many_question_sets", f"{base.name} has {MAX_SETS} question sets. Remove one first.")
        known = _ids_by_name(base.id)
        unknown = dict.fromkeys(name for one in questions for name in one.documents if name.casefold() not in known)
        if unknown:
            names = ", ".join(f"“{name[:80]}”" for name in list(unknown)[:_NAMED])
            message = f"No document here is called {names}. Give its name, title or id as the list shows it."
            raise InvalidInput("unknown_documents", message, errors=[{"field": "questions", "message": message}])
        row = QuestionSet.objects.create(
            tenant_id=actor.organisation_id,
            knowledge_base=base,
            name=" ".join(name.replace("\x00", "").split())[:120]
            or f"{len(questions)} question{'s' * (len(questions) > 1)}",
            questions=[asdict(one) for one in questions],
        )
        detail = {"name": row.name, "questions": len(questions)}
        record_audit(actor, action="question_set.added", target_type="question_set", target_id=row.id, detail=detail)
        _queue(row)
    return question_set_in(actor, knowledge_base_id, row.id)


def ask_question_set(*, actor: Actor, knowledge_base_id: UUID, set_id: UUID) -> QuestionSetInfo:
    """Ask all questions of a set again, of the knowledge base as it is now.

    Raises:
        NotFound: it is not the actor's.
        Conflict: they are being asked already.
    """
    with transaction.atomic():
        row = get_question_set(actor, knowledge_base_id, set_id, KnowledgePermission.UPLOAD)
        QuestionSet.objects.select_for_update().get(id=row.id)
        if QuestionRun.objects.filter(question_set=row, state__in=[CheckState.QUEUED, CheckState.RUNNING]).exists():
            raise Conflict("question_set_busy", f"{row.name} is being asked already.")
        _queue(row)
    return question_set_in(actor, knowledge_base_id, set_id)


def remove_question_set(*, actor: Actor, knowledge_base_id: UUID, set_id: UUID) -> None:
    """Delete a question set with its results.

    Raises:
        NotFound: it is not the actor's.
    """
    with transaction.atomic():
        row = get_question_set(actor, knowledge_base_id, set_id, KnowledgePermission.REMOVE)
        detail = {"name": row.name}
        record_audit(actor, action="question_set.removed", target_type="question_set", target_id=row.id, detail=detail)
        row.delete()
        live.notify(topic(knowledge_base_id))


def run_questions(run_id: UUID) -> None:
    """Ask the questions of a queued run, in each mode, and keep what was found. Repeating it is harmless.

    Raises:
        DependencyFailed: the runner does not answer; the outbox delivers again later.
    """
    run = QuestionRun.objects.select_related("question_set").filter(id=run_id).first()
    if run is None or run.state not in (CheckState.QUEUED, CheckState.RUNNING):
        return
    _update(run, state=CheckState.RUNNING, cause="")
    try:
        figures, misses = _asked(run.question_set)
    except DependencyFailed:
        _update(run, cause="The embedding service does not answer. It goes on by itself.")
        raise
    except DomainError as error:
        _update(run, state=CheckState.FAILED, cause=error.message, ended_at=clock.now())
        return
    kept = [asdict(miss) for miss in misses[:_MAX_MISSES]]
    _update(run, state=CheckState.DONE, figures=figures, misses=kept, ended_at=clock.now())


def _asked(row: QuestionSet) -> tuple[dict[str, Mapping[str, float]], list[QuestionMiss]]:
    with transaction.atomic():
        known = _ids_by_name(row.knowledge_base_id)
        names = dict(Document.objects.filter(knowledge_base=row.knowledge_base_id).values_list("id", "name"))
    figures = {mode: Figures() for mode in SearchMode}
    misses: list[QuestionMiss] = []
    actor = Actor.system(row.tenant_id)
    for one in row.questions:
        wanted = {str(key): 1.0 for name in one["documents"] for key in known.get(name.casefold(), ())}
        orders = rank_documents(
            actor=actor, knowledge_base_ids=[row.knowledge_base_id], query=one["question"], modes=list(SearchMode)
        )
        for mode, found in orders.items():
            figures[mode].add([str(key) for key in found], wanted)
        best = orders[SearchMode.HYBRID]
        place = next((place for place, key in enumerate(best, start=1) if str(key) in wanted), None)
        if place != 1:
            found_names = tuple(names[key] for key in best[:_NAMED] if key in names)
            misses.append(QuestionMiss(one["question"], tuple(one["documents"]), found_names, place))
    return {mode.value: one.means() for mode, one in figures.items()}, misses


def _ids_by_name(knowledge_base_id: UUID) -> Mapping[str, Sequence[UUID]]:
    """Documents by their name, title, id in their source and id here, in lower case."""
    found: defaultdict[str, list[UUID]] = defaultdict(list)
    rows = Document.objects.filter(knowledge_base_id=knowledge_base_id)
    for key, *names in rows.values_list("id", "name", "title", "external_id"):
        for name in {" ".join(name.split()).casefold() for name in names if name} | {str(key)}:
            found[name].append(key)
    return found


def _queue(row: QuestionSet) -> None:
    run = QuestionRun.objects.create(tenant_id=row.tenant_id, question_set=row)
    outbox.publish(QuestionRunQueued(run_id=run.id), tenant_id=row.tenant_id)
    live.notify(topic(row.knowledge_base_id))


def _update(run: QuestionRun, **values: object) -> None:
    with transaction.atomic():
        QuestionRun.objects.filter(id=run.id).update(**values)
        live.notify(topic(run.question_set.knowledge_base_id))
