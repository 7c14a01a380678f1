"""One label out of several answers, with a confidence.

All answers of an order are explained together by the worker model of `apps.labeling.quality`: annotators' matrices that
are drawn towards the population's, items that may be ambiguous, known answers as anchors. It needs no minimum of
answers: with few, it is a vote. While an order runs, an item's answers are weighed by their annotators' record on check
questions alone, as that needs no other item. Results do not depend on the order of the answers; of two answers of one
annotator to one item the first label in alphabetical order counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

#: Two right answers out of three, before anything is known about an annotator.
PRIOR_RIGHT, PRIOR_SEEN = 2.0, 3.0
#: No number of answers makes an item certain: the model's independence assumption is never quite true.
MAX_CONFIDENCE = 0.999


class Method(StrEnum):
    """How the consensus was found."""

    WORKER_MODEL = "worker_model"


@dataclass(frozen=True, order=True)
class Answer:
    """One annotator's label of one item; items and annotators are any strings."""

    item: str
    worker: str
    label: str


@dataclass(frozen=True)
class Consensus:
    """The label an item gets, and the probability that it is right (0 to 1)."""

    label: str
    confidence: float


@dataclass(frozen=True)
class Result:
    """Consensus of every item that has an answer or a known label."""

    items: dict[str, Consensus]
    method: Method


@dataclass(frozen=True)
class Record:
    """An annotator's answers to items whose label is known."""

    seen: int = 0
    right: int = 0

    @property
    def accuracy(self) -> float:
        """Share of right answers, drawn towards 2/3 while few were seen."""
        return (self.right + PRIOR_RIGHT) / (self.seen + PRIOR_SEEN)


def aggregate(answers: Iterable[Answer], classes: Sequence[str], known: Mapping[str, str]) -> Result:
    """Find the consensus of all items.

    Args:
        answers: one for each pair of item and worker; of more, the first label counts.
        classes: every label that may occur.
        known: true labels of some items.
    """
    # Imported here: only who decides an order needs numpy and the model, not every web process at its start.
    from apps.labeling.quality.choice import opinion
    from apps.labeling.quality.crowd import crowd_of

    named = crowd_of(((one.item, one.worker, one.label) for one in answers), classes, known)
    found = opinion(named.crowd)
    items = {
        item: Consensus(named.classes[int(label)], float(confidence))
        for item, label, confidence in zip(named.items, found.label, found.confidence, strict=True)
    }
    return Result(items | {item: Consensus(label, 1.0) for item, label in known.items()}, Method.WORKER_MODEL)


def weighted_vote(labels: Sequence[tuple[str, Record]], classes: Sequence[str]) -> Consensus:
    """Consensus of one item: naive Bayes over its answers, errors spread evenly over the other classes.

    Args:
        labels: (label, its annotator's record) of each answer.
        classes: every label that may occur; ties go to the earlier one.
    """
    others = max(1, len(classes) - 1)
    scores = dict.fromkeys(classes, 0.0)
    for label, record in labels:
        accuracy = min(max(record.accuracy, 0.01), 0.99)
        scores[label] = scores.get(label, 0.0) + math.log(accuracy) - math.log((1 - accuracy) / others)
    best = max(scores, key=lambda name: scores[name])
    total = sum(math.exp(score - scores[best]) for score in scores.values())
    return Consensus(best, min(MAX_CONFIDENCE, 1 / total))
