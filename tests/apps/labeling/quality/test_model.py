"""The worker model: good where voting fails, modest where it must be, indifferent to names and order."""

from __future__ import annotations

import random

import numpy as np
import pytest

from apps.labeling.quality.choice import opinion
from apps.labeling.quality.crowd import crowd_of
from apps.labeling.quality.model import fit

Answers = list[tuple[str, str, str]]


def crowd(
    accuracies: list[float], *, items: int = 200, classes: int = 2, each: int | None = None, seed: int = 1
) -> tuple[Answers, dict[str, str]]:
    """Seeded answers: each item by `each` of the workers, errors spread evenly."""
    randomness = random.Random(seed)
    names = [f"c{k}" for k in range(classes)]
    truth = {f"i{n:04d}": randomness.choice(names) for n in range(items)}
    answers = []
    for item, label in truth.items():
        for worker in randomness.sample(range(len(accuracies)), each or len(accuracies)):
            right = randomness.random() < accuracies[worker]
            given = label if right else randomness.choice([name for name in names if name != label])
            answers.append((item, f"w{worker:03d}", given))
    return answers, truth


def found(answers: Answers, known: dict[str, str] | None = None) -> dict[str, tuple[str, float]]:
    named = crowd_of(answers, (), known)
    result = opinion(named.crowd)
    return {
        item: (named.classes[int(label)], float(confidence))
        for item, label, confidence in zip(named.items, result.label, result.confidence, strict=True)
    }


def accuracy(labels: dict[str, tuple[str, float]], truth: dict[str, str]) -> float:
    return sum(labels[item][0] == label for item, label in truth.items()) / len(truth)


def majority(answers: Answers, truth: dict[str, str]) -> float:
    right = 0.0
    for item, label in truth.items():
        labels = [given for one, _, given in answers if one == item]
        best = max(labels.count(name) for name in labels)
        tied = {name for name in labels if labels.count(name) == best}
        right += (label in tied) / len(tied)
    return right / len(truth)


@pytest.mark.parametrize(
    ("accuracies", "classes", "each"),
    [
        ([0.9, 0.85, 0.6, 0.55, 0.5], 2, None),  # few good among many that guess
        ([0.8] * 60, 2, 3),
        ([0.7] * 100, 5, 5),
        ([0.9] * 5 + [0.1] * 5 + [0.5] * 5, 10, 7),  # spammers
        ([0.95, 0.9, 0.9, 0.2, 0.25], 2, None),  # adversaries
        ([0.75] * 300, 3, 3),  # everybody gives a few answers only
    ],
)
def test_it_is_no_worse_than_a_majority_and_its_confidence_is_kept(accuracies, classes, each):
    answers, truth = crowd(accuracies, classes=classes, each=each, items=300)
    labels = found(answers)
    assert accuracy(labels, truth) >= majority(answers, truth) - 0.02
    sure = {item: truth[item] for item, (_, confidence) in labels.items() if confidence >= 0.95}
    if len(sure) >= 30:
        assert accuracy(labels, sure) >= 0.93


def test_workers_with_biases_of_their_own_are_understood():
    randomness = random.Random(4)
    truth = {f"i{n:03d}": randomness.choice("ab") for n in range(300)}
    # Five who call nearly everything "a", two who know.
    answers = [
        (item, f"lazy{n}", "a" if label == "a" or randomness.random() < 0.6 else "b")
        for item, label in truth.items()
        for n in range(5)
    ] + [
        (item, f"expert{n}", label if randomness.random() < 0.95 else ("a" if label == "b" else "b"))
        for item, label in truth.items()
        for n in range(2)
    ]
    assert accuracy(found(answers), truth) > majority(answers, truth) + 0.1


def test_neither_the_order_of_rows_nor_names_matter():
    answers, _ = crowd([0.9, 0.7, 0.6, 0.55], classes=3, items=80)
    labels = found(answers)
    shuffled = answers[:]
    random.Random(7).shuffle(shuffled)
    assert found(shuffled) == labels
    renamed = found(
        [(f"x{item}", f"z{worker}", {"c0": "q", "c1": "r", "c2": "p"}[given]) for item, worker, given in answers]
    )
    for item, (label, confidence) in labels.items():
        if confidence > 0.5:
            assert renamed[f"x{item}"][0] == {"c0": "q", "c1": "r", "c2": "p"}[label]
            assert renamed[f"x{item}"][1] == pytest.approx(confidence, abs=0.02)


def test_of_a_pair_given_twice_the_first_label_counts_whatever_the_order():
    once = crowd_of([("i", "w", "a"), ("j", "w", "b")])
    twice = crowd_of([("i", "w", "b"), ("j", "w", "b"), ("i", "w", "a")])
    assert np.array_equal(once.crowd.label, twice.crowd.label)
    assert twice.crowd.size == 2


def test_known_answers_anchor_whom_to_believe():
    # Two camps that contradict each other: without a known answer neither is better.
    randomness = random.Random(2)
    truth = {f"i{n:03d}": randomness.choice("ab") for n in range(100)}
    other = {"a": "b", "b": "a"}
    answers = [(item, f"right{n}", label) for item, label in truth.items() for n in range(2)]
    answers += [(item, f"wrong{n}", other[label]) for item, label in truth.items() for n in range(3)]
    known = {item: truth[item] for item in list(truth)[:20]}
    assert accuracy(found(answers), truth) < 0.5
    anchored = found(answers, known)
    assert accuracy(anchored, truth) == 1
    assert all(anchored[item] == (label, 1.0) for item, label in known.items())


def test_agreement_of_one_more_worker_never_makes_it_less_sure():
    answers, _ = crowd([0.8] * 6, items=100)
    confidences = []
    for more in range(4):
        extra = [("new", f"w{n:03d}", "c0") for n in range(1 + more)]
        confidences.append(found(answers + extra)["new"][1])
    assert confidences == sorted(confidences)


def test_an_item_that_divides_people_stays_unsure_however_many_answer():
    randomness = random.Random(5)
    answers, _ = crowd([0.9] * 60, items=100, each=20)
    answers += [
        (f"odd{n:02d}", f"w{worker:03d}", "c0" if randomness.random() < 0.6 else "c1")
        for n in range(30)
        for worker in range(60)
    ]
    labels = found(answers)
    plain = fit(crowd_of(answers).crowd, row_strength=20.0, ambiguous=None)
    assert np.mean([labels[f"odd{n:02d}"][1] for n in range(30)]) < plain.posterior.max(1)[-30:].mean() - 0.05


def test_one_item_one_answer_one_class():
    assert found([("i", "w", "a")])["i"][0] == "a"
    assert found([]) == {}
    assert opinion(crowd_of([("i", "w", "a")], ["a", "b", "c"]).crowd).confidence[0] < 0.95


def test_many_classes_are_no_trouble():
    answers, truth = crowd([0.8] * 20, classes=40, each=3, items=400)
    assert accuracy(found(answers), truth) >= majority(answers, truth) - 0.02


def few_answers(seed: int) -> tuple[Answers, int]:
    """A small crowd of any shape: guessers, contrarians, one answer here, many there."""
    randomness = random.Random(seed)
    classes = randomness.choice([2, 2, 3, 5, 14])
    accuracies = [randomness.choice([0.1, 0.5, 0.7, 0.9]) for _ in range(randomness.randint(1, 12))]
    answers, _ = crowd(accuracies, items=randomness.randint(1, 40), classes=classes, seed=seed)
    return [one for one in answers if randomness.random() < 0.5] or answers[:1], classes


@pytest.mark.parametrize("seed", range(25))
def test_whatever_the_answers_a_result_is_a_label_no_worse_than_a_guess_and_the_same_for_each_order_of_rows(seed):
    answers, classes = few_answers(seed)
    names = [f"c{k}" for k in range(classes)]
    shuffled = random.Random(seed).sample(answers, len(answers))
    first, second = (opinion(crowd_of(rows, names).crowd) for rows in (answers, shuffled))
    assert np.array_equal(first.label, second.label)
    assert np.array_equal(first.confidence, second.confidence)
    assert (first.confidence >= 1 / classes).all()
    assert (first.confidence < 1).all()


def test_how_probable_answers_are_tells_how_many_items_are_ambiguous():
    answers, truth = crowd([0.9] * 40, items=150, each=8)
    randomness = random.Random(3)
    clear = opinion(crowd_of(answers).crowd).ambiguous
    odd = {item: randomness.random() for item in list(truth)[:75]}
    other = {"c0": "c1", "c1": "c0"}
    mixed = [
        (item, worker, other[label] if randomness.random() < odd.get(item, 0.0) else label)
        for item, worker, label in answers
    ]
    assert clear < 0.15
    assert opinion(crowd_of(mixed).crowd).ambiguous > 0.3
