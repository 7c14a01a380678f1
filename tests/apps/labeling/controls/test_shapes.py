"""Consensus and agreement of boxes, polygons and keypoints: rules that hold for all three."""

from __future__ import annotations

import math
import random
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.labeling.controls import shapes
from apps.labeling.controls.base import GivenAnswer
from apps.labeling.controls.boxes import Boxes
from apps.labeling.controls.keypoints import Keypoints
from apps.labeling.controls.polygons import Polygons
from apps.labeling.controls.shape_control import ShapeControl

SIZE = 400
DATA = {"photo": {"media": "m", "width": SIZE, "height": SIZE}}
COMMON = {"name": "what", "input": "photo", "classes": ["cat", "dog", "owl"]}
CONTROLS: dict[str, ShapeControl] = {
    "boxes": Boxes.from_json({"type": "boxes", **COMMON}),
    "polygons": Polygons.from_json({"type": "polygons", **COMMON}),
    "keypoints": Keypoints.from_json({"type": "keypoints", **COMMON}),
}
Spot = tuple[int, int, int, str]
spots = st.tuples(st.integers(0, 300), st.integers(0, 300), st.integers(8, 90), st.sampled_from(["cat", "dog", "owl"]))
answers = st.lists(spots, max_size=6)
every_type = pytest.mark.parametrize("kind", list(CONTROLS))


def value(kind: str, drawn: list[Spot]) -> Any:
    """The spots (left, top, size, label) as cleaned shapes of the kind."""
    made: list[dict[str, Any]] = []
    for x, y, size, label in drawn:
        if kind == "boxes":
            made.append({"x": x, "y": y, "width": size, "height": size + 3, "label": label})
        elif kind == "polygons":
            corners = [[x, y], [x + size, y + 2], [x + size - 1, y + size], [x + 3, y + size - 2]]
            made.append({"points": corners, "label": label})
        else:
            made.append({"x": x + size, "y": y + size, "label": label})
    return CONTROLS[kind].clean(made, DATA)


def given_by(kind: str, drawn: list[list[Spot]], accuracies: list[float] | None = None) -> list[GivenAnswer]:
    """One answer an annotator, in order."""
    held = accuracies or [0.75] * len(drawn)
    return [GivenAnswer(f"a{index}", value(kind, one), held[index]) for index, one in enumerate(drawn)]


@every_type
@settings(max_examples=40, deadline=None)
@given(drawn=st.lists(st.tuples(answers, st.floats(0.3, 0.99)), min_size=1, max_size=5), seed=st.randoms())
def test_the_order_of_the_answers_does_not_matter(kind: str, drawn: Any, seed: random.Random) -> None:
    control = CONTROLS[kind]
    everyone = given_by(kind, [one for one, _ in drawn], [accuracy for _, accuracy in drawn])
    before = control.consensus(everyone, DATA)
    seed.shuffle(everyone)
    after = control.consensus(everyone, DATA)
    assert after.value == before.value
    assert after.confidence == pytest.approx(before.confidence)


@every_type
@settings(max_examples=30, deadline=None)
@given(drawn=answers, count=st.integers(3, 6))
def test_equal_answers_give_themselves_and_are_believed(kind: str, drawn: list[Spot], count: int) -> None:
    consensus = CONTROLS[kind].consensus(given_by(kind, [drawn] * count), DATA)
    assert consensus.value == value(kind, drawn)
    assert consensus.confidence > 0.9


@every_type
@settings(max_examples=40, deadline=None)
@given(one=answers, other=answers)
def test_similarity_is_symmetric_and_full_for_equals_only(kind: str, one: list[Spot], other: list[Spot]) -> None:
    control = CONTROLS[kind]
    first, second = value(kind, one), value(kind, other)
    similar = control.similarity(first, second)
    assert 0 <= similar <= 1
    assert similar == pytest.approx(control.similarity(second, first))
    assert control.similarity(first, first) == pytest.approx(1.0)
    if similar > 1 - 1e-9:
        assert first == second


@every_type
@settings(max_examples=30, deadline=None)
@given(drawn=answers, stranger=answers)
def test_one_stranger_among_five_adds_nothing(kind: str, drawn: list[Spot], stranger: list[Spot]) -> None:
    control = CONTROLS[kind]
    alone = control.consensus(given_by(kind, [drawn] * 4), DATA)
    joined = control.consensus(given_by(kind, [*[drawn] * 4, stranger]), DATA)
    assert control.similarity(alone.value, joined.value) > 0.95
    assert joined.confidence <= 0.999


@every_type
def test_the_consensus_is_valid_as_an_answer(kind: str) -> None:
    control = CONTROLS[kind]
    for seed in range(10):
        everyone = simulated(kind, random.Random(seed), annotators=4)[1]
        found = control.consensus(everyone, DATA).value
        assert control.clean(found, DATA) == found


@every_type
def test_five_annotators_together_are_nearer_to_the_truth_than_each(kind: str) -> None:
    control = CONTROLS[kind]
    single: list[float] = []
    together: list[float] = []
    sure: list[float] = []
    for seed in range(25):
        truth, everyone = simulated(kind, random.Random(seed), annotators=5)
        consensus = control.consensus(everyone, DATA)
        together.append(control.similarity(consensus.value, truth))
        single.extend(control.similarity(one.value, truth) for one in everyone)
        sure.append(consensus.confidence)
    assert fmean(together) > fmean(single) + 0.1
    assert fmean(together) > 0.85
    assert all(0.5 < one < 1 for one in sure)


def simulated(kind: str, rng: random.Random, annotators: int) -> tuple[Any, list[GivenAnswer]]:
    """Nine objects, and annotators who miss some, add some, name some wrongly and are not exact."""
    truth = [
        (25 + 125 * column, 25 + 125 * row, rng.randint(40, 90), rng.choice(["cat", "dog"]))
        for column in range(3)
        for row in range(3)
    ]
    everyone = []
    for _ in range(annotators):
        drawn = []
        for x, y, size, label in truth:
            if rng.random() < 0.1:
                continue
            named = "owl" if rng.random() < 0.05 else label
            drawn.append((x + rng.randint(-4, 4), y + rng.randint(-4, 4), size + rng.randint(-4, 4), named))
        if rng.random() < 0.5:
            drawn.append((rng.randint(0, 300), rng.randint(0, 300), 50, "cat"))
        everyone.append(drawn)
    return value(kind, truth), given_by(kind, everyone)


def test_a_trusted_annotator_outweighs_two_that_are_mostly_wrong() -> None:
    here, there = [(10, 10, 40, "cat")], [(200, 200, 40, "cat")]
    consensus = CONTROLS["boxes"].consensus(given_by("boxes", [here, there, there], [0.95, 0.55, 0.55]), DATA)
    assert consensus.value == value("boxes", here)


def test_what_half_of_two_annotators_found_stays_but_is_not_sure() -> None:
    consensus = CONTROLS["boxes"].consensus(given_by("boxes", [[(10, 10, 40, "cat")], []]), DATA)
    assert consensus.value == value("boxes", [(10, 10, 40, "cat")])
    assert consensus.confidence == pytest.approx(0.5)


def test_one_answer_is_as_sure_as_its_annotator() -> None:
    drawn = [[(10, 10, 40, "cat"), (200, 200, 30, "dog")]]
    assert CONTROLS["boxes"].consensus(given_by("boxes", drawn, [0.8]), DATA).confidence == pytest.approx(0.8)
    assert CONTROLS["boxes"].consensus(given_by("boxes", [[]], [0.8]), DATA).confidence == pytest.approx(0.8)


def test_the_label_is_voted_and_a_split_vote_is_unsure() -> None:
    labels = ["cat", "cat", "dog"]
    consensus = CONTROLS["boxes"].consensus(given_by("boxes", [[(10, 10, 40, one)] for one in labels]), DATA)
    assert [one["label"] for one in consensus.value] == ["cat"]
    whole = CONTROLS["boxes"].consensus(given_by("boxes", [[(10, 10, 40, "cat")]] * 3), DATA)
    assert consensus.confidence < whole.confidence


def test_two_objects_on_each_other_keep_their_labels() -> None:
    drawn = [(10, 10, 60, "cat"), (14, 12, 60, "dog")]
    assert CONTROLS["boxes"].consensus(given_by("boxes", [drawn] * 3), DATA).value == value("boxes", drawn)


def test_the_median_lies_between_two_halves() -> None:
    assert shapes.weighted_median([1, 3], [1.0, 1.0]) == 2
    assert shapes.weighted_median([1, 3, 100], [1.0, 1.0, 1.0]) == 3
    assert shapes.weighted_median([1, 3, 100], [5.0, 1.0, 1.0]) == 1


def test_a_vote_among_one_class_is_certain_and_many_classes_make_agreement_telling() -> None:
    assert shapes.vote([("cat", 0.5)], 1) == ("cat", 1.0)
    few = shapes.vote([("cat", 1.0), ("cat", 1.0)], 2)[1]
    many = shapes.vote([("cat", 1.0), ("cat", 1.0)], 50)[1]
    assert few == pytest.approx(1 / (1 + math.exp(-2)))
    assert many > few


@every_type
def test_the_design_is_kept(kind: str) -> None:
    control = CONTROLS[kind]
    assert type(control).from_json(control.as_json()) == control
