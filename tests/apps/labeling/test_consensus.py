"""Consensus: right where it can be, never certain without reason, the same whatever the order of the answers."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.labeling.consensus import (
    MAX_CONFIDENCE,
    Answer,
    Method,
    Record,
    aggregate,
    weighted_vote,
)

CLASSES = ["ham", "spam"]


def crowd(items: int, accuracies: list[float], seed: int = 1) -> tuple[list[Answer], dict[str, str]]:
    """Seeded answers of workers with stated accuracies to items that are spam one time in three."""
    randomness = random.Random(seed)
    truth = {f"i{n}": "spam" if randomness.random() < 1 / 3 else "ham" for n in range(items)}
    answers = [
        Answer(item, f"w{n}", label if randomness.random() < accuracy else CLASSES[label == "ham"])
        for item, label in truth.items()
        for n, accuracy in enumerate(accuracies)
    ]
    return answers, truth


def share_right(found: dict[str, str], truth: dict[str, str]) -> float:
    return sum(found[item] == label for item, label in truth.items()) / len(truth)


def test_the_worker_model_listens_to_the_good_annotators():
    answers, truth = crowd(300, [0.95, 0.9, 0.55, 0.55, 0.55])
    result = aggregate(answers, CLASSES, {})
    assert result.method is Method.WORKER_MODEL
    labels = {item: consensus.label for item, consensus in result.items.items()}
    majority = {
        item: max(CLASSES, key=lambda name: sum(a.item == item and a.label == name for a in answers)) for item in truth
    }
    assert share_right(labels, truth) > share_right(majority, truth) + 0.05


def test_with_few_answers_a_vote_decides():
    votes = {"a": ["ham", "ham", "spam"], "b": ["spam", "spam"], "c": ["ham"]}
    answers = [Answer(item, f"w{place}", label) for item, labels in votes.items() for place, label in enumerate(labels)]
    found = aggregate(answers, CLASSES, {}).items
    assert {item: one.label for item, one in found.items()} == {"a": "ham", "b": "spam", "c": "ham"}
    assert all(one.confidence < 0.98 for one in found.values())


def test_known_answers_stay_and_anchor():
    answers, truth = crowd(60, [0.9, 0.9, 0.6])
    known = {"i0": CLASSES[truth["i0"] == "ham"], "unseen": "spam"}
    result = aggregate(answers, CLASSES, known)
    assert result.items["i0"].label == known["i0"]
    assert result.items["unseen"].confidence == 1


@pytest.mark.parametrize("size", [8, 80])
def test_the_order_of_answers_does_not_matter(size):
    answers, _ = crowd(size, [0.9, 0.7, 0.6])
    shuffled = answers[:]
    random.Random(3).shuffle(shuffled)
    assert aggregate(answers, CLASSES, {}) == aggregate(shuffled, CLASSES, {})


@settings(deadline=None)
@given(
    labels=st.lists(st.tuples(st.sampled_from(CLASSES), st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=9)
)
def test_a_vote_is_a_probability_and_never_certain(labels):
    votes = [(label, Record(max(seen, right), right)) for label, seen, right in labels]
    found = weighted_vote(votes, CLASSES)
    assert 0.5 <= found.confidence <= MAX_CONFIDENCE


def test_a_better_record_weighs_more():
    votes = [("ham", Record(20, 20)), ("spam", Record(20, 11)), ("spam", Record(20, 11))]
    assert weighted_vote(votes, CLASSES).label == "ham"
