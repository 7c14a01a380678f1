"""Score sentences as answers, and say how sure it is that the best one answers at all.

Two small linear models. The weights of both were fitted on questions and texts that are in none of our benchmarks;
`docs/guides/citations.md` says on which, and how.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from apps.knowledge.evidence.gathering import Material
from apps.knowledge.evidence.kinds import holds, names, numbers

MOST_COMPARED = 16
"""Sentences whose meaning is compared with the question; the others are ranked by their words alone, because
embedding costs time."""

_SENTENCE_WEIGHTS = {
    "meaning": 1.0,
    "coverage": 1.558,
    "around": 0.983,
    "place": 3.26,
    "passage_meaning": 1.775,
    "kind": 0.502,
    "new_words": 0.405,
    "pairs": 0.94,
    "opening": 0.305,
    "passage_coverage": -0.095,
}
_CONFIDENCE_BIAS = -3.912
_CONFIDENCE_WEIGHTS = {
    "score": -0.167,
    "lead": 0.681,
    "meaning": 0.496,
    "coverage": -0.507,
    "around": -0.073,
    "passage_coverage": 0.797,
    "best_coverage": 0.507,
    "similarity": 1.753,
    "rare_in_passage": -0.745,
    "rare_in_sentence": 0.46,
    "numbers": 0.964,
    "names": 1.186,
    "pairs": 1.465,
    "kind": 0.124,
    "passage_lead": 0.828,
}
_RARE = 3
_SIMILAR = 0.5
"""Stands for the meaning of sentences that were not compared, so that their words still count."""


@dataclass(frozen=True)
class Scored:
    """A sentence (its index in the material) with its features and score."""

    index: int
    features: Mapping[str, float]
    score: float


def worth_comparing(material: Material) -> list[int]:
    """The sentences that are likely enough by their words to have their meaning compared, most likely first."""
    ranked = rank(material, {})
    return [item.index for item in ranked[:MOST_COMPARED]]


def rank(material: Material, meanings: Mapping[int, float]) -> list[Scored]:
    """All sentences, best first.

    Args:
        meanings: cosine of question and sentence by the sentence's index; those without one come behind the others.
    """
    top = max((passage.score for passage in material.passages), default=0.0) or 1.0
    scored = [_scored(material, index, meanings.get(index), top) for index in range(len(material.sentences))]
    return sorted(scored, key=lambda item: (bool(meanings) and item.index not in meanings, -item.score, item.index))


def confidence(material: Material, ranked: Sequence[Scored]) -> float:
    """How likely (0..1) the best sentence answers the question."""
    if not ranked:
        return 0.0
    features = confidence_features(material, ranked)
    sum_ = _CONFIDENCE_BIAS + sum(_CONFIDENCE_WEIGHTS[name] * features[name] for name in _CONFIDENCE_WEIGHTS)
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, sum_))))


def confidence_features(material: Material, ranked: Sequence[Scored]) -> dict[str, float]:
    """What tells answered questions from others, of the best sentence, its passage and the rest."""
    question, best = material.question, ranked[0]
    sentence = material.sentences[best.index]
    passage = material.passages[sentence.passage]
    rest = [item.score for item in ranked[1:6]]
    rare = sorted(question.weights, key=lambda term: -question.weights[term])[:_RARE]
    coverages = [question.covered_by(found) for found in material.passage_terms]
    scores = sorted((item.score for item in material.passages), reverse=True)
    return {
        "score": best.score,
        "lead": best.score - (sum(rest) / len(rest) if rest else 0.0),
        "meaning": best.features["meaning"],
        "coverage": best.features["coverage"],
        "around": best.features["around"],
        "passage_coverage": best.features["passage_coverage"],
        "best_coverage": max(coverages),
        "similarity": max(item.similarity for item in material.passages),
        "rare_in_passage": _share(rare, material.passage_terms[sentence.passage]),
        "rare_in_sentence": _share(rare, sentence.terms),
        "numbers": _share(numbers(question.text), passage.text),
        "names": _share(names(question.text), passage.text),
        "pairs": best.features["pairs"],
        "kind": best.features["kind"],
        "passage_lead": (scores[0] - scores[1]) / scores[0] if len(scores) > 1 and scores[0] > 0 else 0.0,
    }


def _scored(material: Material, index: int, meaning: float | None, top: float) -> Scored:
    features = _features(material, index, _SIMILAR if meaning is None else meaning, top)
    return Scored(index, features, sum(_SENTENCE_WEIGHTS[name] * value for name, value in features.items()))


def _features(material: Material, index: int, meaning: float, top: float) -> dict[str, float]:
    question, sentence = material.question, material.sentences[index]
    passage = material.passages[sentence.passage]
    return {
        "meaning": meaning,
        "coverage": question.covered_by(sentence.terms),
        "around": question.covered_by(material.around(index)),
        "place": passage.score / top,
        "passage_meaning": passage.similarity,
        "kind": float(holds(question.kind, sentence.text, question.text)),
        "new_words": min(1.0, len(set(sentence.terms) - set(question.terms)) / 10),
        "pairs": _pairs(question.terms, sentence.terms),
        "opening": float(passage.ordinal == 0 and sentence.position == 0),
        "passage_coverage": question.covered_by(material.passage_terms[sentence.passage]),
    }


def _pairs(wanted: Sequence[str], found: Sequence[str]) -> float:
    """Share of the question's neighbouring terms that are neighbours in the sentence too."""
    pairs = list(pairwise(wanted))
    there = set(pairwise(found))
    return sum(pair in there for pair in pairs) / max(1, len(pairs))


def _share(wanted: Sequence[str], found: Container[str]) -> float:
    """Share of the wanted that is found; 1 where nothing is wanted."""
    return sum(item in found for item in wanted) / len(wanted) if wanted else 1.0
