"""A hierarchical Dawid-Skene model with ambiguous items, fitted by collapsed variational Bayes.

Workers. Each worker has a matrix: how often an item that looks like class k gets label l. A row is drawn towards what
a worker of the same accuracy does on average, and the accuracy towards the population's; how strongly, is a parameter.
So a worker with three answers is judged by three answers and the population, one with three hundred by their own.

Items. Plain models take answers to one item for independent, given its class. They are not: an item that looks half
like another class misleads everybody, and more answers make a plain model surer of the same mistake. Here an item of
class k may look like another class c to a share of those who see it. A part of the items is ambiguous, and of those
every share is as probable as any other. So some look wrong to most people: they cannot be told from clear items of the
other class, but as many look wrong to a little less than half, and these can be seen. That bounds confidence, however
many answers there are.

Every answer is explained with its own contribution taken out of the counts (Asuncion et al. 2009, "CVB0"): a worker is
never judged by the answer in question. That leaves one held-out likelihood for each answer, free of charge, by which
parameters are chosen without any known label. Where answers were bought until an item was sure, that likelihood is no
fair judge of ambiguity, as the agreement that ended the buying is counted as if by chance; how probable all answers to
an item are together does not depend on why there are no more of them (`evidence`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apps.labeling.quality.crowd import UNKNOWN, Crowd, Floats, Ints

#: Answers that the population's accuracy counts for in a worker's.
ACCURACY_STRENGTH = 6.0
#: Before any answer: three in four are right, and that belief counts for two workers.
PRIOR_ACCURACY, PRIOR_WORKERS = 0.75, 2.0
MAX_ROUNDS = 30
SETTLED = 3e-3
#: Above this many classes an ambiguous item looks like "anything", not like one other class: the pairs are too many.
MOST_PAIRED = 12
_TINY = 1e-6


@dataclass(frozen=True)
class Hypotheses:
    """What an item may be: of class `true`, looking like class `seen` to a `share` of workers."""

    true: Ints
    seen: Ints
    share: Floats
    weight: Floats


@dataclass(frozen=True)
class Workers:
    """What is known of the workers: everything needed to judge one more answer."""

    rows: Floats  # worker, class seen, label: posterior mean
    accuracy: Floats
    deviation: Floats
    answers: Floats
    population: Floats  # class seen, label: of a worker nobody knows


@dataclass(frozen=True)
class Fit:
    """The model after it has seen the answers."""

    posterior: Floats  # item, class
    appearance: Floats  # item, class, class seen: joint probability
    workers: Workers
    held_out: Floats  # log likelihood of each answer, given the others
    evidence: float  # log probability of all answers, items independent of each other


def hypotheses(classes: int, ambiguous: float | None) -> Hypotheses:
    """All hypotheses about an item, of which a part is `ambiguous`; None where none is."""
    shares = () if ambiguous is None or classes < 2 else _shares(classes)
    clear = 1 - (ambiguous or 0.0) if shares else 1.0
    every = range(classes)
    pairs = (
        [(k, c) for k in every for c in every if c != k] if classes <= MOST_PAIRED else [(k, classes) for k in every]
    )
    true, seen, share, prior = list(every), list(every), [0.0] * classes, [clear] * classes
    for one in shares:
        true += [k for k, _ in pairs]
        seen += [c for _, c in pairs]
        share += [one] * len(pairs)
        prior += [(1 - clear) / len(shares) * classes / len(pairs)] * len(pairs)
    return Hypotheses(np.array(true), np.array(seen), np.array(share), np.array(prior))


def _shares(classes: int) -> tuple[float, ...]:
    if classes <= 5:
        return (0.15, 0.3, 0.45, 0.55, 0.7, 0.85)
    return (0.25, 0.5, 0.75) if classes <= MOST_PAIRED else (0.3, 0.6)


def fit(
    crowd: Crowd, *, row_strength: float, ambiguous: float | None, accuracy_strength: float = ACCURACY_STRENGTH
) -> Fit:
    """Fit the model.

    Args:
        row_strength: how many answers a worker of the same accuracy counts for in each row; infinite makes every worker
            as good at one class as at another, but for the population's difference.
        ambiguous: which part of the items is; None where none is.
        accuracy_strength: how many answers the population's accuracy counts for in a worker's.
    """
    return _Fitting(crowd, row_strength, accuracy_strength, hypotheses(crowd.classes, ambiguous)).run()


class _Fitting:
    def __init__(self, crowd: Crowd, row_strength: float, accuracy_strength: float, what: Hypotheses) -> None:
        self.crowd, self.what = crowd, what
        self.row_strength, self.accuracy_strength = row_strength, accuracy_strength
        self.at = np.arange(crowd.size)
        self.starts = np.flatnonzero(np.r_[True, crowd.item[1:] != crowd.item[:-1]]) if crowd.size else self.at
        self.present = crowd.item[self.starts]
        self.answers = np.bincount(crowd.worker, minlength=crowd.workers).astype(np.float64)
        self.errors: Floats = 1 - np.eye(crowd.classes)
        frequency = np.bincount(crowd.label, minlength=crowd.classes) + 0.5
        self.frequency: Floats = frequency / frequency.sum()
        self.posterior: Floats = self._start()
        self.looks = self.posterior[crowd.item]

    def _start(self) -> Floats:
        crowd = self.crowd
        votes = np.bincount(crowd.item * crowd.classes + crowd.label, minlength=crowd.items * crowd.classes)
        start: Floats = np.asarray(votes.reshape(crowd.items, crowd.classes) + 0.3, dtype=np.float64)
        anchored = crowd.known != UNKNOWN
        start[anchored] = _TINY
        start[anchored, crowd.known[anchored]] = 1.0
        shares: Floats = start / start.sum(1, keepdims=True)
        return shares

    def run(self) -> Fit:
        """Alternate between workers and items until no item's probabilities move."""
        for _ in range(MAX_ROUNDS):
            self._judge_workers()
            by_class = self._explain_answers()
            before = self.posterior
            self._judge_items(by_class)
            if self.crowd.items == 0 or np.abs(self.posterior - before).max() < SETTLED:
                break
        return Fit(self.posterior, self._appearance(), self._workers(), self._held_out(), self.evidence)

    def _judge_workers(self) -> None:
        crowd, size = self.crowd, self.crowd.workers * self.crowd.classes
        cell = crowd.worker * crowd.classes + crowd.label
        looks = [np.bincount(cell, weights=self.looks[:, k], minlength=size) for k in range(crowd.classes)]
        self.counts = np.stack([one.reshape(crowd.workers, crowd.classes) for one in looks], axis=1)
        self.totals = self.counts.sum(2)
        self.right = np.einsum("wkk->w", self.counts)
        share = self.answers + self.accuracy_strength
        right = (self.right / share).sum() + PRIOR_WORKERS * PRIOR_ACCURACY
        self.mean_accuracy = right / ((self.answers / share).sum() + PRIOR_WORKERS)
        pooled = (self.counts / share[:, None, None]).sum(0)
        by_class = (np.diag(pooled) + PRIOR_WORKERS * self.mean_accuracy) / (pooled.sum(1) + PRIOR_WORKERS)
        self.shift = _logit(by_class) - _logit(self.mean_accuracy)
        if crowd.classes > 2:
            errors = (pooled + 0.5 / (crowd.classes - 1)) * (1 - np.eye(crowd.classes))
            self.errors = errors / errors.sum(1, keepdims=True)

    def _explain_answers(self) -> Floats:
        """How likely each answer is for each class that its item may look like, the answer itself left out."""
        worker, label = self.crowd.worker, self.crowd.label
        right = self.right[worker] - self.looks[self.at, label]
        accuracy = (right + self.accuracy_strength * self.mean_accuracy) / (
            self.answers[worker] - 1 + self.accuracy_strength
        )
        diagonal = _logistic(_logit(accuracy)[:, None] + self.shift[None])
        expected = (1 - diagonal) * self.errors[:, label].T
        expected[self.at, label] = diagonal[self.at, label]
        given = self.counts[worker, :, label] - self.looks + self.row_strength * expected
        likelihood = given / (self.totals[worker] - self.looks + self.row_strength)
        bounded: Floats = np.clip(likelihood, _TINY, 1.0)
        return bounded

    def _judge_items(self, by_class: Floats) -> None:
        crowd, what = self.crowd, self.what
        frequency = (self.posterior[self.present].sum(0) + 1) / (len(self.present) + crowd.classes)
        prior = np.log(frequency[what.true] * what.weight)
        seen = np.hstack([by_class, self.frequency[crowd.label][:, None]])
        as_true, as_seen = (1 - what.share) * seen[:, what.true], what.share * seen[:, what.seen]
        self.likelihood = as_true + as_seen
        score = np.tile(prior, (crowd.items, 1))
        if crowd.size:
            score[self.present] += np.add.reduceat(np.log(self.likelihood), self.starts, axis=0)
        anchored = crowd.known != UNKNOWN
        score[anchored] = np.where(what.true == crowd.known[anchored][:, None], score[anchored], -1e9)
        self.evidence = float(np.logaddexp.reduce(score[self.present], axis=1).sum())
        self.score = score - score.max(1, keepdims=True)
        self.belief = _shares_of(self.score)
        self.posterior = self._by(what.true, self.belief)
        of_answer = self.belief[crowd.item] / self.likelihood
        looks = self._by(what.true, of_answer * as_true) + self._by(what.seen, of_answer * as_seen)
        self.looks = looks

    def _by(self, classes: Ints, values: Floats) -> Floats:
        """Sum columns by class; what looks like anything counts for no class."""
        return np.stack([values[:, classes == k].sum(1) for k in range(self.crowd.classes)], axis=1)

    def _held_out(self) -> Floats:
        others = _shares_of(self.score[self.crowd.item] - np.log(self.likelihood))
        found: Floats = np.log((others * self.likelihood).sum(1))
        return found

    def _appearance(self) -> Floats:
        crowd, what = self.crowd, self.what
        found = np.zeros((crowd.items, crowd.classes, crowd.classes))
        for k in range(crowd.classes):
            of_class = what.true == k
            found[:, k, k] = (self.belief[:, of_class] * (1 - what.share[of_class])).sum(1)
            for c in range(crowd.classes):
                mixed = of_class & (what.seen == c) & (what.share > 0)
                found[:, k, c] += (self.belief[:, mixed] * what.share[mixed]).sum(1)
            anything = of_class & (what.seen == crowd.classes)
            found[:, k, :] += (self.belief[:, anything] @ what.share[anything])[:, None] * self.frequency
        return found

    def _workers(self) -> Workers:
        seen = self.answers + self.accuracy_strength
        accuracy = (self.right + self.accuracy_strength * self.mean_accuracy) / seen
        expected = self._rows(accuracy)
        rows = (self.counts + self.row_strength * expected) / (self.totals + self.row_strength)[:, :, None]
        deviation = np.sqrt(accuracy * (1 - accuracy) / (seen + 1))
        return Workers(rows, accuracy, deviation, self.answers, self._rows(np.array([self.mean_accuracy]))[0])

    def _rows(self, accuracy: Floats) -> Floats:
        diagonal = _logistic(_logit(accuracy)[:, None] + self.shift[None])
        rows: Floats = (1 - diagonal)[:, :, None] * self.errors[None]
        every = np.arange(self.crowd.classes)
        rows[:, every, every] = diagonal
        return rows


def _shares_of(score: Floats) -> Floats:
    found = np.exp(score - score.max(1, keepdims=True))
    shares: Floats = found / found.sum(1, keepdims=True)
    return shares


def _logit(share: Floats | float) -> Floats:
    bounded = np.clip(share, _TINY, 1 - _TINY)
    return np.asarray(np.log(bounded / (1 - bounded)))


def _logistic(value: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-value)))
