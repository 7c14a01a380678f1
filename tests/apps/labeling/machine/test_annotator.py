"""The whole course of an order, with people who answer the known label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from apps.labeling.machine.acceptance import TOLERANCE
from apps.labeling.machine.annotator import Annotator, Purpose
from apps.labeling.machine.confidence import START, fit_confidence
from apps.labeling.machine.pool import Belief, Pool


def run(annotator: Annotator, labels: Any) -> list[Purpose]:
    purposes = []
    while (request := annotator.ask()) is not None:
        purposes.append(request.purpose)
        annotator.tell(labels[request.places].tolist())
    return purposes


def test_every_item_gets_a_label_and_most_from_the_machine(blobs: Callable[..., Any]) -> None:
    vectors, labels = blobs(classes=4, each=150)
    annotator = Annotator(Pool.of(vectors), 4, promised=0.95, seed=0)
    purposes = run(annotator, labels)
    machine = annotator.machine >= 0
    assert purposes[0] is Purpose.START
    assert Purpose.AUDIT in purposes
    assert ((annotator.human >= 0) ^ machine).all()
    assert machine.mean() > 0.5
    assert (annotator.machine[machine] == labels[machine]).mean() >= 0.95
    assert (annotator.sureness[machine] > 0.5).all()
    assert annotator.audits[0].passed


def test_the_course_is_the_same_for_a_seed(blobs: Callable[..., Any]) -> None:
    vectors, labels = blobs(each=100, noise=0.3)
    first, second = (Annotator(Pool.of(vectors), 4, promised=0.9, seed=3) for _ in range(2))
    run(first, labels)
    run(second, labels)
    assert first.machine.tolist() == second.machine.tolist()
    assert first.audits == second.audits


def test_asking_twice_changes_nothing(blobs: Callable[..., Any]) -> None:
    vectors, _ = blobs()
    annotator = Annotator(Pool.of(vectors), 4, promised=0.95, seed=0)
    assert annotator.ask() is annotator.ask()
    with pytest.raises(ValueError, match="one label for each item"):
        annotator.tell([0])
    assert annotator.labelled == 0


def test_without_a_promise_people_label_everything(blobs: Callable[..., Any]) -> None:
    vectors, labels = blobs(each=40)
    annotator = Annotator(Pool.of(vectors), 4, promised=None, seed=0)
    assert Purpose.AUDIT not in run(annotator, labels)
    assert annotator.labelled == 160


def test_the_promise_is_kept_on_easy_and_hard_pools(blobs: Callable[..., Any]) -> None:
    """In at least 95 % of courses machine labels have the promised precision less the tolerance."""
    kept, courses, by_machine = 0, 0, 0
    for seed in range(12):
        vectors, labels = blobs(classes=3, each=120, noise=(0.2, 0.25, 0.3, 0.35)[seed % 4], seed=seed)
        annotator = Annotator(Pool.of(vectors), 3, promised=0.9, seed=seed)
        run(annotator, labels)
        machine = annotator.machine >= 0
        courses += 1
        by_machine += int(machine.sum())
        kept += not machine.any() or bool((annotator.machine == labels)[machine].mean() >= 0.9 - TOLERANCE)
    assert kept / courses >= 0.95
    assert by_machine > 12 * 60


def test_items_out_of_scope_are_left_to_people(blobs: Callable[..., Any]) -> None:
    """Foreign items (random directions) that people mark as out of scope."""
    vectors, labels = blobs(classes=5, each=160)
    foreign = np.random.default_rng(7).normal(size=(60, 24)).astype(np.float32)
    every = np.concatenate([vectors, foreign / np.linalg.norm(foreign, axis=1, keepdims=True)])
    truth = np.concatenate([labels, np.full(60, 5)])
    annotator = Annotator(Pool.of(every), 6, promised=0.95, seed=0, never=[5])
    run(annotator, truth)
    accepted = annotator.machine >= 0
    assert accepted[:800].mean() > 0.5
    assert accepted[800:].mean() < 0.1
    assert not (annotator.machine == 5).any()
    assert annotator.fitted is not None
    strangers = np.random.default_rng(8).normal(size=(200, 24)).astype(np.float32)
    strangers /= np.linalg.norm(strangers, axis=1, keepdims=True)
    assert annotator.accepts(annotator.fitted.of(strangers)).mean() < 0.1


def test_confidence_starts_from_doubt_about_what_is_far() -> None:
    belief = Belief(
        probabilities=np.array([[0.9, 0.1], [0.9, 0.1]], dtype=np.float32),
        agreement=np.array([0.9, 0.9], dtype=np.float32),
        reach=np.zeros(2, dtype=np.float32),
        nearness=np.array([0.9, 0.1], dtype=np.float32),
    )
    confidence = fit_confidence(belief, np.array([True, True]), np.array([False, False]))
    assert confidence.weights == pytest.approx(START, abs=0.1)
    near, far = confidence.of(belief)
    assert near > far + 0.02


def test_chosen_items_count_for_little_beside_drawn_ones() -> None:
    count = 400
    belief = Belief(
        probabilities=np.tile(np.array([0.9, 0.1], dtype=np.float32), (count, 1)),
        agreement=np.full(count, 0.8, dtype=np.float32),
        reach=np.zeros(count, dtype=np.float32),
        nearness=np.full(count, 0.8, dtype=np.float32),
    )
    drawn = np.arange(count) < 200
    right = np.where(drawn, np.arange(count) % 20 > 0, np.arange(count) % 2 > 0)
    assert float(fit_confidence(belief, right, drawn).of(belief)[0]) == pytest.approx(0.93, abs=0.03)
