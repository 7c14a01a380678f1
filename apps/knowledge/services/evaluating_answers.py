"""Questions with known answers through the real pipeline in a workspace of their own: citations and abstention.

What cannot be answered is either said by the questions (`answerable` false) or made: from each document one sentence
that answers something is left out, so that its questions have everything before them but the answer.
"""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import UUID

from apps.compute import runner
from apps.core.errors import InvalidInput
from apps.knowledge.models import Chunk, DocumentText
from apps.knowledge.selectors.quotes import find_quotes
from apps.knowledge.selectors.search import search
from apps.knowledge.sentences import sentence_spans
from apps.knowledge.services.create_base import create_knowledge_base
from apps.knowledge.services.documents import Upload, add_documents
from apps.knowledge.services.ingest import ingest_document
from apps.knowledge.services.workspace import temporary_workspace
from apps.knowledge.types import Findings, Passage, SearchMode
from apps.tenancy.types import Actor

PASSAGES = 6
CITED = 5
_UPLOADED_AT_ONCE = 20
_SEED = 20

Vectors = dict[str, list[float]]


@dataclass(frozen=True)
class GoldQuestion:
    """A question; `context` is the document that answers it and `sentence` the one in it, both empty without answer."""

    text: str
    context: str = ""
    answer: str = ""
    sentence: str = ""

    @property
    def is_answerable(self) -> bool:
        """Whether its answer is known."""
        return bool(self.sentence)


@dataclass
class Tally:
    """What is counted for one way to answer: the pipeline or the baseline."""

    first: int = 0
    within_five: int = 0
    answered: list[float] = field(default_factory=list)
    unanswerable: list[float] = field(default_factory=list)


@dataclass
class Evaluation:
    """All counts of a run; milliseconds are of this process, without the embedding service and the database."""

    questions: int = 0
    citations: int = 0
    resolved: int = 0
    pipeline: Tally = field(default_factory=Tally)
    baseline: Tally = field(default_factory=Tally)
    without_document: Tally = field(default_factory=Tally)
    cpu_ms: list[float] = field(default_factory=list)


@dataclass
class _Base:
    """A filled knowledge base and which document is which."""

    id: UUID
    documents: dict[str, UUID]


def evaluate_answers(
    corpus: Path, questions: Path, sample: int, progress: Callable[[str], None]
) -> tuple[Evaluation, dict[str, Any]]:
    """Run it and say how it went, as counts and as the figures that are printed.

    Args:
        corpus: JSON lines with `_id`, `text` and, if they have one, `title`.
        questions: JSON lines with `_id`, `question`, `context_id`, `answer`, `answer_start` (in the context's text)
            and, for those that have no answer, `answerable` false.
        sample: questions that abstention is measured on, where unanswerable ones have to be made.

    Raises:
        InvalidInput: a line is not of this form.
        DependencyFailed: the embedding service does not answer.
    """
    texts = {str(row["_id"]): row for row in _rows(corpus, ("_id", "text"))}
    asked = [_question(row, texts) for row in _rows(questions, ("question",))]
    vectors: Vectors = {}
    counts = Evaluation()
    with temporary_workspace("Evaluation of answers") as actor:
        base = _fill(actor, {key: _text(row) for key, row in texts.items()})
        progress(f"{len(texts)} documents are ready.")
        _cite(actor, base, asked, counts, vectors)
        progress(f"{counts.questions} questions are answered.")
        if all(question.is_answerable for question in asked):
            _leave_out_documents(actor, base, asked, counts, sample)
            _leave_out_sentences(actor, texts, asked, counts, vectors, sample)
            progress("Questions without an answer are asked.")
    return counts, figures(counts, len(texts))


def figures(counts: Evaluation, documents: int) -> dict[str, Any]:
    """Plain JSON values."""
    asked = max(1, counts.questions)
    cuts = quantiles(counts.cpu_ms, n=20) if len(counts.cpu_ms) > 1 else [0.0] * 19
    return {
        "documents": documents,
        "questions": counts.questions,
        "cited_first": round(counts.pipeline.first / asked, 4),
        "cited_within_five": round(counts.pipeline.within_five / asked, 4),
        "citations": counts.citations,
        "citations_resolved": round(counts.resolved / max(1, counts.citations), 4),
        "abstention_auc": auc(counts.pipeline.answered, counts.pipeline.unanswerable),
        "abstention_auc_document_gone": auc(counts.without_document.answered, counts.without_document.unanswerable),
        "answered_of_answerable": _share(counts.pipeline.answered),
        "answered_of_unanswerable": _share(counts.pipeline.unanswerable),
        "cpu_ms_p50": round(cuts[9], 1),
        "cpu_ms_p95": round(cuts[18], 1),
        "baseline": {
            "method": f"dense top {PASSAGES}, sentences by likeness; abstention by the best passage's likeness",
            "cited_first": round(counts.baseline.first / asked, 4),
            "cited_within_five": round(counts.baseline.within_five / asked, 4),
            "abstention_auc": auc(counts.baseline.answered, counts.baseline.unanswerable),
        },
    }


def auc(answered: Sequence[float], unanswerable: Sequence[float]) -> float | None:
    """How often an answerable question has the higher confidence of two, ties counting half; None without pairs."""
    if not answered or not unanswerable:
        return None
    ranked = sorted([(value, 1) for value in answered] + [(value, 0) for value in unanswerable])
    won, below, index = 0.0, 0, 0
    while index < len(ranked):
        end = index
        while end < len(ranked) and ranked[end][0] == ranked[index][0]:
            end += 1
        positive = sum(flag for _, flag in ranked[index:end])
        negative = end - index - positive
        won += positive * (below + negative / 2)
        below += negative
        index = end
    return round(won / (len(answered) * len(unanswerable)), 4)


def _rows(path: Path, required: Sequence[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            rows.append({**row, **{name: row[name] for name in required}})
        except (ValueError, KeyError, TypeError):
            words = ", ".join(required)
            raise InvalidInput("invalid_rows", f"{path}, line {number}: no JSON object with {words}.") from None
    if not rows:
        raise InvalidInput("no_rows", f"{path} is empty.")
    return rows


def _text(row: dict[str, Any]) -> str:
    title = str(row.get("title") or "").strip()
    return f"# {title}\n\n{row['text']}" if title else str(row["text"])


def _question(row: dict[str, Any], texts: dict[str, dict[str, Any]]) -> GoldQuestion:
    context, answer = str(row.get("context_id") or ""), str(row.get("answer") or "")
    if row.get("answerable") is False or context not in texts:
        return GoldQuestion(str(row["question"]))
    text = str(texts[context]["text"])
    at = int(row.get("answer_start", text.find(answer)))
    sentence = next((text[start:end] for start, end in sentence_spans(text) if start <= at < end), "")
    return GoldQuestion(str(row["question"]), context, answer, sentence)


def _fill(actor: Actor, texts: dict[str, str]) -> _Base:
    base = create_knowledge_base(actor=actor, name="Evaluation")
    found: dict[str, UUID] = {}
    keys = list(texts)
    for start in range(0, len(keys), _UPLOADED_AT_ONCE):
        batch = keys[start : start + _UPLOADED_AT_ONCE]
        files = [(f"{key}.md" if texts[key].startswith("# ") else f"{key}.txt", texts[key].encode()) for key in batch]
        uploads = [Upload(name, len(content), io.BytesIO(content)) for name, content in files]
        for key, added in zip(batch, add_documents(actor=actor, knowledge_base_id=base.id, files=uploads), strict=True):
            ingest_document(added.document.id)
            found[key] = added.document.id
    return _Base(base.id, found)


def _cite(actor: Actor, base: _Base, asked: Sequence[GoldQuestion], counts: Evaluation, vectors: Vectors) -> None:
    for question in asked:
        started = time.process_time()
        passages = search(actor=actor, knowledge_base_ids=[base.id], query=question.text, k=PASSAGES)
        findings = find_quotes(question.text, passages, count=CITED)
        counts.cpu_ms.append(1000 * (time.process_time() - started))
        counts.citations += len(findings.quotes)
        counts.resolved += sum(_resolves(passages[quote.passage_index], quote) for quote in findings.quotes)
        _note(counts.pipeline, question, findings.confidence)
        ranked, likeness = _plain(actor, base, question.text, vectors)
        _note(counts.baseline, question, likeness)
        if not question.is_answerable:
            continue
        counts.questions += 1
        home = base.documents[question.context]
        cited = [(passages[quote.passage_index].document_id, quote.text) for quote in findings.quotes]
        _hit(counts.pipeline, question, home, cited)
        _hit(counts.baseline, question, home, ranked[:CITED])


def _note(tally: Tally, question: GoldQuestion, value: float) -> None:
    (tally.answered if question.is_answerable else tally.unanswerable).append(value)


def _hit(tally: Tally, question: GoldQuestion, home: UUID, cited: Sequence[tuple[UUID, str]]) -> None:
    hits = [document == home and _is_gold(question, text) for document, text in cited]
    tally.first += bool(hits and hits[0])
    tally.within_five += any(hits)


def _is_gold(question: GoldQuestion, text: str) -> bool:
    found, gold = " ".join(text.split()), " ".join(question.sentence.split())
    return " ".join(question.answer.split()) in found and (found in gold or gold in found)


def _resolves(passage: Passage, quote: Any) -> bool:
    """Whether document, page and span are stored and the span holds the quoted words."""
    start, end = passage.start + quote.start, passage.start + quote.end
    stored = DocumentText.objects.filter(document_id=passage.document_id).values_list("text", flat=True).first()
    there = Chunk.objects.filter(
        id=passage.chunk_id, document_id=passage.document_id, page=passage.page, start__lte=start, end__gte=end
    )
    return stored is not None and stored[start:end] == quote.text and there.exists()


def _plain(actor: Actor, base: _Base, question: str, vectors: Vectors) -> tuple[list[tuple[UUID, str]], float]:
    """What a plain search by meaning gives: sentences of the top passages by likeness, and the best likeness."""
    passages = search(actor=actor, knowledge_base_ids=[base.id], query=question, k=PASSAGES, mode=SearchMode.DENSE)
    sentences = dict.fromkeys(
        (passage.document_id, passage.text[start:end])
        for passage in passages
        for start, end in sentence_spans(passage.text)
    )
    wanted = list(dict.fromkeys([question, *(text for _, text in sentences)]))
    missing = [text for text in wanted if text not in vectors]
    vectors |= dict(zip(missing, runner.embed(missing), strict=True))
    asked = vectors[question]

    def likeness(text: str) -> float:
        return sum(left * right for left, right in zip(asked, vectors[text], strict=True))

    ranked = sorted(sentences, key=lambda item: -likeness(item[1]))
    return ranked, max((passage.similarity for passage in passages), default=0.0)


def _confidence(actor: Actor, base: _Base, question: str, without: UUID | None = None) -> Findings:
    only = None if without is None else set(base.documents.values()) - {without}
    passages = search(actor=actor, knowledge_base_ids=[base.id], query=question, k=PASSAGES, document_ids=only)
    return find_quotes(question, passages, count=1)


def _leave_out_documents(
    actor: Actor, base: _Base, asked: Sequence[GoldQuestion], counts: Evaluation, sample: int
) -> None:
    """The easy case: the document with the answer is not among those that are searched."""
    counts.without_document.answered = list(counts.pipeline.answered)
    for question in random.Random(_SEED).sample(asked, min(sample, len(asked))):  # noqa: S311  # a sample, no secret
        found = _confidence(actor, base, question.text, base.documents[question.context])
        counts.without_document.unanswerable.append(found.confidence)


def _leave_out_sentences(
    actor: Actor,
    texts: dict[str, dict[str, Any]],
    asked: Sequence[GoldQuestion],
    counts: Evaluation,
    vectors: Vectors,
    sample: int,
) -> None:
    """The hard case: all is there but the sentence. Answerable are the same documents' other questions."""
    left_out = dict(_left_out(asked))
    base = _fill(
        actor, {key: _text({**row, "text": _without(row["text"], left_out.get(key))}) for key, row in texts.items()}
    )
    counts.pipeline.answered, counts.baseline.answered = [], []
    for question in random.Random(_SEED).sample(asked, min(sample, len(asked))):  # noqa: S311  # a sample, no secret
        is_gone = left_out.get(question.context) == question.sentence
        seen = GoldQuestion(question.text) if is_gone else question
        _note(counts.pipeline, seen, _confidence(actor, base, question.text).confidence)
        near = search(actor=actor, knowledge_base_ids=[base.id], query=question.text, k=1, mode=SearchMode.DENSE)
        _note(counts.baseline, seen, near[0].similarity if near else 0.0)


def _left_out(asked: Sequence[GoldQuestion]) -> Iterator[tuple[str, str]]:
    """One answering sentence of each document."""
    chance = random.Random(_SEED)  # noqa: S311  # a sample, no secret
    answers: dict[str, set[str]] = {}
    for question in asked:
        answers.setdefault(question.context, set()).add(question.sentence)
    for context, sentences in answers.items():
        yield context, chance.choice(sorted(sentences))


def _without(text: str, sentence: str | None) -> str:
    left = text.replace(sentence, " ", 1).strip() if sentence else text
    return left or "This page has no text."


def _share(confidences: Sequence[float]) -> float | None:
    if not confidences:
        return None
    return round(sum(not Findings((), value).is_weak for value in confidences) / len(confidences), 4)
