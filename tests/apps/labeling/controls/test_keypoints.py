"""What a keypoint may be, and how near two have to be."""

from __future__ import annotations

from typing import Any

import pytest

from apps.labeling.controls.base import AnswerProblem, GivenAnswer, control_from_json
from apps.labeling.controls.keypoints import Keypoints

DATA = {"image": {"media": "m", "width": 300, "height": 400}}
CONFIG = {"type": "keypoints", "name": "face", "input": "image", "classes": ["eye", "nose"]}


def keypoints(**more: Any) -> Keypoints:
    control = control_from_json({**CONFIG, **more})
    assert isinstance(control, Keypoints)
    return control


def point(x: float, y: float, label: str = "eye") -> dict[str, Any]:
    return {"x": x, "y": y, "label": label}


def test_points_are_rounded_sorted_and_there_once() -> None:
    assert keypoints().clean([point(5, 9), point(7.001, 2), point(7, 2)], DATA) == [point(7, 2), point(5, 9)]


def test_a_point_beyond_the_image_is_refused() -> None:
    with pytest.raises(AnswerProblem, match=r"Point 2 reaches beyond the image \(height 400\)."):
        keypoints().clean([point(1, 1), point(1, 401)], DATA)


def test_nearness_is_relative_to_the_image() -> None:
    # The diagonal is 500 px, the reach 5 % of it.
    def confidence(apart: float) -> float:
        answers = [GivenAnswer(str(one), [point(100 + one * apart, 50)], 0.75) for one in (0, 1)]
        consensus = keypoints().consensus(answers, DATA)
        return len(consensus.value) + consensus.confidence

    assert 1 < confidence(0) < 2
    assert confidence(24) < confidence(0)
    assert confidence(26) > 2


def test_the_reach_can_be_given() -> None:
    near, far = [point(100, 100)], [point(104, 100)]
    assert keypoints(reach=4).similarity(near, far) == pytest.approx(0.5)
    assert keypoints(reach=3).similarity(near, far) == 0
    assert keypoints(reach=3).as_json()["reach"] == 3


@pytest.mark.parametrize("reach", [-1, "wide", True, 10_001])
def test_a_reach_that_is_none_is_refused(reach: Any) -> None:
    with pytest.raises(AnswerProblem, match="as reach"):
        keypoints(reach=reach)


def test_without_a_size_the_points_tell_how_large_the_image_is() -> None:
    assert keypoints().similarity([point(300, 400)], [point(300, 388)]) > 0.7
    assert keypoints().similarity([], []) == 1
