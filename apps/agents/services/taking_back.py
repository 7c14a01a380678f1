"""Use case: take back what was answered from documents that were deleted since.

Answers are found by the documents that they cite or had words of. Ids begin with the time that they were made at, so
that nothing older than the document is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import F, Func, JSONField, Q, QuerySet

from apps.agents.models import Attachment, EvaluationResult, Message, PausedAnswer, StoredResponse, TeamRun, TeamStep
from apps.agents.types import READ, Answer, FinishReason, Source, Step
from apps.core.idempotency import forget_answers_with
from apps.core.tenant import TenantOwned, all_tenants
from apps.knowledge import services as knowledge

TAKEN_BACK = "This answer was taken back: a document that it was made from was deleted."

_SAID = ("notes", "text", "arguments")
"""What of a decision in a team's run holds words; who decided what stays."""

_Row = TypeVar("_Row", bound=TenantOwned)


class _Cited(Func):
    template = "jsonb_path_query_array(%(expressions)s, '$[*].document_id')"
    output_field = JSONField()


class _Read(Func):
    template = f"jsonb_path_query_array(%(expressions)s, '$[*].detail.{READ}[*]')"
    output_field = JSONField()


def take_back(*, knowledge_base_id: UUID, document_ids: Collection[UUID]) -> int:
    """Take the words of deleted documents out of every answer, whoever asked for it. Returns how many answers.

    The question, the names of the sources and the figures stay. Repeating it is harmless.
    """
    ids = sorted(str(document_id) for document_id in document_ids)
    with all_tenants(reason="whoever was answered from a deleted document"):
        count = _messages(ids) + _responses(ids) + _team_runs(ids)
        since = UUID(ids[0])
        results = EvaluationResult.objects.filter(
            id__gt=since, run__config__knowledge_base_ids__contains=[str(knowledge_base_id)]
        )
        results.exclude(answer="").update(answer=TAKEN_BACK)
        Attachment.objects.filter(document_id__in=ids).delete()
        for document_id in ids:
            forget_answers_with(document_id, since=since)
    return count


def as_kept(answer: Answer, steps: Sequence[Step]) -> tuple[Answer, Sequence[Step]]:
    """An answer as it may be stored in the open transaction: taken back where a document of it was deleted meanwhile.

    From here to the transaction's end none of them can be deleted, so that `take_back` finds what was stored.
    """
    read = {UUID(document_id) for step in steps for document_id in step.detail.get(READ, [])}
    if are_there({source.document_id for source in answer.sources} | read):
        return answer, steps
    sources = tuple(Source.from_json(bare_source(source.as_json())) for source in answer.sources)
    bare = tuple(Step.from_json(bare_step(step.as_json())) for step in steps)
    return replace(answer, text=TAKEN_BACK, sources=sources), bare


def are_there(document_ids: Collection[UUID]) -> bool:
    """Whether all of these documents exist; they then do until the open transaction has ended."""
    return not document_ids or knowledge.hold_documents(document_ids) == len(document_ids)


def bare_source(source: dict[str, Any], gone: Collection[str] | None = None) -> dict[str, Any]:
    """A source without words of its document, if that is one of these (None: whichever it is)."""
    if gone is not None and source.get("document_id") not in gone:
        return source
    return Source.from_json({**source, "heading": "", "text": "", "quote": ""}).as_json()


def bare_step(step: dict[str, Any]) -> dict[str, Any]:
    """A step with its figures only."""
    detail = step.get("detail", {})
    kept = {key: value for key, value in detail.items() if isinstance(value, bool | int | float) or key == "query"}
    return {**step, "detail": kept}


def _from(rows: QuerySet[_Row], ids: Sequence[str], *, with_steps: bool = False) -> Iterator[_Row]:
    found = rows.filter(id__gt=UUID(ids[0])).annotate(cited=_Cited(F("sources")))
    wanted = Q(cited__has_any_keys=ids)
    if with_steps:
        found = found.annotate(read=_Read(F("steps")))
        wanted |= Q(read__has_any_keys=ids)
    return found.filter(wanted).order_by("id").iterator(chunk_size=100)


def _messages(ids: Sequence[str]) -> int:
    count, conversations = 0, set()
    for row in _from(Message.objects.all(), ids, with_steps=True):
        row.text, row.prompt = TAKEN_BACK, []
        row.sources = [bare_source(source, ids) for source in row.sources]
        row.steps = [bare_step(step) for step in row.steps]
        row.save(update_fields=["text", "sources", "steps", "prompt"])
        conversations.add(row.conversation_id)
        count += 1
    # What waits for a person has kept what its model was told.
    waiting = PausedAnswer.objects.filter(conversation_id__in=conversations)
    held = list(waiting.values_list("message_id", flat=True))
    Message.objects.filter(id__in=held, finish=FinishReason.WAITING).update(
        finish=FinishReason.FAILED, problem=TAKEN_BACK
    )
    waiting.delete()
    # What was answered later was told what had been said before.
    Message.objects.filter(conversation_id__in=conversations, id__gt=UUID(ids[0])).exclude(prompt=[]).update(prompt=[])
    return count


def _responses(ids: Sequence[str]) -> int:
    count = 0
    for row in _from(StoredResponse.objects.all(), ids):
        row.text, row.sources = TAKEN_BACK, [bare_source(source, ids) for source in row.sources]
        row.save(update_fields=["text", "sources"])
        count += 1
    return count


def _team_runs(ids: Sequence[str]) -> int:
    """Steps pass on what they were given: the words of all steps of a run go."""
    runs = {row.run_id for row in _from(TeamStep.objects.all(), ids)}
    for step in TeamStep.objects.filter(run_id__in=runs):
        step.sources = [bare_source(source, ids) for source in step.sources]
        step.arrivals = [[name, TAKEN_BACK] for name, _ in step.arrivals]
        step.input, step.output = step.input and TAKEN_BACK, step.output and TAKEN_BACK
        if step.ended_at is not None and step.approval:
            step.approval = {key: value for key, value in step.approval.items() if key not in _SAID}
        step.save(update_fields=["sources", "arrivals", "input", "output", "approval"])
    TeamRun.objects.filter(id__in=runs).exclude(output="").update(output=TAKEN_BACK)
    return len(runs)
