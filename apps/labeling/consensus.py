"""One label out of several answers, with a confidence.

Dawid and Skene's model (1979; crowd-kit's implementation) learns each annotator's confusion matrix and weighs answers
by it. It has one matrix an annotator to learn, so with few answers it over-fits. The rule, in words:

* Dawid-Skene, when there are at least `MIN_ITEMS` items and half of the answers come from annotators who gave at least
  `ANSWERS_PER_CLASS` answers for each class.
* Otherwise a vote, weighted by the annotators' record on items whose answer is known.

Items with a known answer keep it; they anchor the model. Results do not depend on the order of the answers.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

MIN_ITEMS = 20
ANSWERS_PER_CLASS = 10
#: Two right answers out of three, before anything is known about an annotator.
PRIOR_RIGHT, PRIOR_SEEN = 2.0, 3.0
#: No number of answers makes an item certain: the model's independence assumption is never quite true.
MAX_CONFIDENCE = 0.999


class Method(StrEnum):
    """How the consensus was found."""

    DAWID_SKENE = "dawid_skene"
    WEIGHTED_VOTE = "weighted_vote"


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
        answers: at most one for each pair of item and worker.
        classes: every label that may occur.
        known: true labels of some items.
    """
    ordered = sorted(answers)
    votes = _vote(ordered, classes, known)
    if not _enough_for_dawid_skene(ordered, classes):
        return Result(votes, Method.WEIGHTED_VOTE)
    items = _dawid_skene(ordered, known)
    # The model says nothing about items it has not seen (known ones without answers).
    return Result({**votes, **items}, Method.DAWID_SKENE)


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


def _enough_for_dawid_skene(answers: Sequence[Answer], classes: Sequence[str]) -> bool:
    if len({answer.item for answer in answers}) < MIN_ITEMS:
        return False
    by_worker = Counter(answer.worker for answer in answers)
    needed = ANSWERS_PER_CLASS * len(classes)
    return sum(count for count in by_worker.values() if count >= needed) * 2 >= len(answers)


def _vote(answers: Sequence[Answer], classes: Sequence[str], known: Mapping[str, str]) -> dict[str, Consensus]:
    seen: Counter[str] = Counter()
    right: Counter[str] = Counter()
    by_item: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_item[answer.item].append(answer)
        if answer.item in known:
            seen[answer.worker] += 1
            right[answer.worker] += answer.label == known[answer.item]
    records = {worker: Record(seen[worker], right[worker]) for worker in seen}
    found = {
        item: weighted_vote([(one.label, records.get(one.worker, Record())) for one in given], classes)
        for item, given in by_item.items()
    }
    return found | {item: Consensus(label, 1.0) for item, label in known.items()}


def _dawid_skene(answers: Sequence[Answer], known: Mapping[str, str]) -> dict[str, Consensus]:
    # Imported here: pandas, scipy and sklearn cost two seconds that no web process should pay at start-up.
    import pandas
    from crowdkit.aggregation.classification.dawid_skene import DawidSkene

    frame = pandas.DataFrame(
        {
            "task": [answer.item for answer in answers],
            "worker": [answer.worker for answer in answers],
            "label": [answer.label for answer in answers],
        }
    )
    given = set(frame["label"])
    anchored = {item: known[item] for item in sorted(set(frame["task"]) & known.keys()) if known[item] in given}
    true_labels = pandas.Series(anchored, dtype=object) if anchored else None
    probabilities = DawidSkene(n_iter=100).fit_predict_proba(frame, true_labels=true_labels)
    best = probabilities.idxmax(axis="columns")
    confidence = probabilities.max(axis="columns")
    return {
        str(item): Consensus(str(best[item]), min(MAX_CONFIDENCE, float(confidence[item])))
        for item in probabilities.index
        if item not in known
    }


def krippendorff_alpha(answers: Iterable[Answer]) -> float | None:
    """Krippendorff's alpha for nominal labels: 1 is full agreement, 0 what chance gives; None where undefined.

    Source: Krippendorff, Content Analysis (2004), section 11.3: alpha = 1 - observed / expected disagreement.
    """
    by_item: dict[str, list[str]] = defaultdict(list)
    for answer in answers:
        by_item[answer.item].append(answer.label)
    totals: Counter[str] = Counter()
    observed = 0.0
    for labels in by_item.values():
        if len(labels) < 2:
            continue
        counts = Counter(labels)
        totals.update(counts)
        pairs = len(labels) ** 2 - sum(count**2 for count in counts.values())
        observed += pairs / (len(labels) - 1)
    size = sum(totals.values())
    expected = (size**2 - sum(count**2 for count in totals.values())) / (size - 1) if size > 1 else 0.0
    return None if expected == 0 else 1 - observed / expected
