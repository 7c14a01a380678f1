"""What a polygon may be, and what several of one object make together."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from apps.labeling.controls import polygons as module
from apps.labeling.controls.base import AnswerProblem, control_from_json
from apps.labeling.controls.polygons import Polygons, polygon_iou, signed_area, voted_ring

DATA = {"image": {"media": "m", "width": 640, "height": 480}}
CONTROL = control_from_json({"type": "polygons", "name": "cells", "input": "image", "classes": ["red", "white"]})
SQUARE = [[10, 10], [50, 10], [50, 50], [10, 50]]


def polygon(points: Any, label: str = "red") -> dict[str, Any]:
    return {"points": points, "label": label}


def test_every_way_to_draw_the_same_outline_is_the_same_answer() -> None:
    wanted = CONTROL.clean([polygon(SQUARE)], DATA)
    for start in range(4):
        turned = SQUARE[start:] + SQUARE[:start]
        for drawn in (turned, turned[::-1], [*turned, turned[0]], [turned[0], *turned]):
            assert CONTROL.clean([polygon(drawn)], DATA) == wanted
    assert wanted == [polygon(SQUARE)]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[1, 1], [2, 2]], "Polygon 1 needs 3 to 500 points, as a list."),
        ("round", "Polygon 1 needs 3 to 500 points, as a list."),
        ([[1, 1], [2], [3, 3]], "Polygon 1 has a point 2 that is not [x, y]."),
        ([[1, 1], [9, "9"], [3, 3]], "Polygon 1 needs a number of pixels as y."),
        ([[1, 1], [641, 1], [3, 3]], "Polygon 1 reaches beyond the image (width 640)."),
        ([[1, 1], [9, 9], [5, 5]], "Polygon 1 encloses less than 1 pixel; draw it anew or remove it."),
        (
            [[0, 0], [90, 100], [100, 0], [0, 120]],
            "Polygon 1 crosses itself: the line from point 1 meets the one from point 3.",
        ),
        (
            [[0, 0], [100, 0], [150, 0], [100, 0], [100, 90]],
            "Polygon 1 crosses itself: the line from point 1 meets the one from point 3.",
        ),
    ],
)
def test_what_is_wrong_is_said(points: Any, message: str) -> None:
    with pytest.raises(AnswerProblem) as caught:
        CONTROL.clean([polygon(points)], DATA)
    assert caught.value.message == message


def test_the_overlap_is_exact() -> None:
    square, half = ((0, 0), (10, 0), (10, 10), (0, 10)), ((0, 0), (10, 0), (10, 10))
    apart = ((20, 20), (30, 20), (30, 30))
    close = polygon_iou([square], [half, apart, square])
    assert close.tolist() == [[pytest.approx(0.5), 0, pytest.approx(1)]]


def circle(rng: random.Random, wobble: float) -> tuple[tuple[float, float], ...]:
    corners = rng.randint(8, 20)
    radius = [100 * (1 + rng.gauss(0, wobble)) for _ in range(corners)]
    angles = [2 * math.pi * index / corners for index in range(corners)]
    return tuple(
        (200 + length * math.cos(angle), 200 + length * math.sin(angle))
        for length, angle in zip(radius, angles, strict=True)
    )


def test_the_voted_outline_is_nearer_to_the_truth_than_the_best_drawn_one() -> None:
    truth = tuple((200 + 100 * math.cos(a / 40), 200 + 100 * math.sin(a / 40)) for a in range(251))
    voted, chosen = [], []
    for seed in range(10):
        rings = [circle(random.Random(f"{seed}.{one}"), 0.06) for one in range(5)]
        voted.append(polygon_iou([voted_ring(rings, [1.0] * 5)], [truth])[0, 0])
        chosen.append(polygon_iou([module.medoid(rings, [1.0] * 5)], [truth])[0, 0])
    assert sum(voted) / 10 > sum(chosen) / 10
    assert min(voted) > 0.9


def test_where_the_vote_fails_the_most_typical_outline_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_outline(_polygon: Any) -> Any:
        raise ValueError

    monkeypatch.setattr(module, "_smoothed", no_outline)
    typical, other = ((0, 0), (10, 0), (10, 10), (0, 10)), ((0, 0), (10, 0), (10, 11), (0, 11))
    far = ((0, 0), (20, 0), (20, 20), (0, 20))
    assert voted_ring([far, other, typical], [1.0] * 3) == other


def test_weight_moves_the_outline() -> None:
    small, large = ((0, 0), (10, 0), (10, 10), (0, 10)), ((0, 0), (20, 0), (20, 20), (0, 20))
    assert abs(signed_area(voted_ring([small, large], [1.0, 3.0]))) == pytest.approx(400)
    assert abs(signed_area(voted_ring([small, large], [3.0, 1.0]))) == pytest.approx(100)


def test_it_is_a_type_of_question() -> None:
    assert isinstance(CONTROL, Polygons)
    assert CONTROL.shown(CONTROL.clean([polygon(SQUARE)], DATA)) == "1 red"
