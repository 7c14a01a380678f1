"""How far similarity of meaning can be trusted in a language, measured on the knowledge base itself.

An inverse cloze test: a sentence is taken out of a chunk and asked as a question; what is left of the chunk is to be
found among others, by meaning and by words (Lee, Chang and Toutanova, "Latent Retrieval for Weakly Supervised Open
Domain Question Answering", 2019). An embedding model that knows the language does about as well as words; one that does
not is far behind, and its side of a search is weighted down before it does harm.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import F
from numpy.typing import NDArray

from apps.compute import runner
from apps.core.errors import DependencyFailed
from apps.core.tenant import all_tenants, tenant_scope
from apps.knowledge.lexical.analysis import terms
from apps.knowledge.lexical.postings import TermCounts, postings_of
from apps.knowledge.lexical.ranking import Collection, Ranking, Term
from apps.knowledge.models import Chunk, KnowledgeBase
from apps.knowledge.sentences import sentence_spans

QUESTIONS, OTHERS = 48, 150
#: Fewer tell nothing.
LEAST_QUESTIONS = 16
_MOST_LANGUAGES = 4
_SAMPLE = 400
_LEAST_SENTENCE = 15
#: Below this share of what words find, meaning is trusted least; so much above, wholly. Both were set on verses in
#: English, French, Russian, Chinese and Arabic.
_BLIND, _TRUSTED, _LEAST = 0.2, 0.8, 0.1


@dataclass(frozen=True)
class _Cloze:
    question: str
    rest: str


def measure_due_trust() -> int:
    """Measure where a knowledge base has doubled since it was last measured. Returns in how many."""
    with all_tenants(reason="knowledge bases of every organisation are measured"):
        grown = KnowledgeBase.objects.filter(next_number__gte=LEAST_QUESTIONS, next_number__gt=2 * F("trust_number"))
        due = list(grown.values_list("id", "tenant_id")[:10])
    for knowledge_base_id, tenant_id in due:
        with tenant_scope(tenant_id):
            try:
                measure_trust(knowledge_base_id)
            except DependencyFailed:
                return 0  # the embedding service does not answer; the next run tries again
    return len(due)


def measure_trust(knowledge_base_id: UUID) -> None:
    """Measure the trust in each of a knowledge base's languages. Calls the runner, so not in a transaction.

    Raises:
        DependencyFailed: the runner does not answer.
    """
    with transaction.atomic():
        base = KnowledgeBase.objects.get(id=knowledge_base_id)
        samples = {language: _sample(base, language) for language in base.languages[:_MOST_LANGUAGES]}
    found = {language: _trust(rows, language) for language, rows in samples.items()}
    measured = {language: trust for language, trust in found.items() if trust is not None}
    with transaction.atomic():
        KnowledgeBase.objects.filter(id=base.id).update(trust={**base.trust, **measured}, trust_number=base.next_number)


def _sample(base: KnowledgeBase, language: str) -> list[Chunk]:
    """Some chunks of a language, from all over the knowledge base, in an order of chance that is always the same."""
    rows = Chunk.objects.filter(knowledge_base=base, document__language=language, embedding__isnull=False)
    step = max(base.next_number // _SAMPLE, 1)
    spread: list[Chunk] = [*rows.annotate(place=F("number") % step).filter(place=0).order_by("number")[: 2 * _SAMPLE]]
    random.Random(str(base.id)).shuffle(spread)  # noqa: S311 -- a sample, no secret
    return spread


def _trust(rows: Sequence[Chunk], language: str) -> float | None:
    """None where there is too little to measure."""
    clozes: list[_Cloze] = []
    others: list[Chunk] = []
    for row in rows:
        cloze = _cloze(row) if len(clozes) < QUESTIONS else None
        if cloze is not None:
            clozes.append(cloze)
        elif len(others) < OTHERS:
            others.append(row)
    if len(clozes) < LEAST_QUESTIONS:
        return None
    vectors = np.array(runner.embed([*(one.question for one in clozes), *(one.rest for one in clozes)]))
    stored = np.array([row.embedding for row in others], dtype=np.float64).reshape(len(others), vectors.shape[1])
    questions, targets = vectors[: len(clozes)], np.concatenate([vectors[len(clozes) :], stored])
    dense = _mean_reciprocal_rank(questions @ targets.T)
    words = _mean_reciprocal_rank(_by_words(clozes, [*(one.rest for one in clozes), *map(_text, others)], language))
    ratio = dense / words if words else 1.0
    return round(float(np.clip((ratio - _BLIND) / (_TRUSTED - _BLIND), _LEAST, 1.0)), 3)


def _cloze(row: Chunk) -> _Cloze | None:
    """A sentence of the chunk and the rest; None where it has too few."""
    spans = [(start, end) for start, end in sentence_spans(row.text) if end - start >= _LEAST_SENTENCE]
    if len(spans) < 3:
        return None
    start, end = spans[row.number % len(spans)]
    return _Cloze(row.text[start:end], f"{row.heading}\n{row.text[:start]} {row.text[end:]}")


def _text(row: Chunk) -> str:
    return f"{row.heading}\n{row.text}"


def _by_words(clozes: Sequence[_Cloze], texts: Sequence[str], language: str) -> NDArray[np.float64]:
    counted = [Counter(terms(text, language)) for text in texts]
    chunks = [TermCounts(number, words, words.total()) for number, words in enumerate(counted)]
    known = {term: Term(len(found), [found]) for term, found in postings_of(chunks).items()}
    collection = Collection(len(texts), sum(chunk.length for chunk in chunks) / len(texts), len(texts))
    scores = []
    for cloze in clozes:
        words = sorted(set(terms(cloze.question, language)))
        found = {term: known[term] for term in words if term in known}
        scores.append(Ranking(collection, [frozenset({term}) for term in words], found, []).scores(range(len(texts))))
    return np.array(scores)


def _mean_reciprocal_rank(scores: NDArray[np.float64]) -> float:
    """Of each row's own column among all; of equal scores the middle place counts."""
    own = np.diagonal(scores)[:, None]
    ranks = 1 + (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2
    return float(np.mean(1 / ranks))
