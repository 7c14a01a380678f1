"""What a box may be."""

from __future__ import annotations

from typing import Any

import pytest

from apps.labeling.controls.base import AnswerProblem, control_from_json
from apps.labeling.controls.boxes import Boxes

DATA = {"image": {"media": "m", "width": 640, "height": 480}}
CONFIG = {"type": "boxes", "name": "cells", "input": "image", "classes": ["red", "white"]}


def boxes(**more: Any) -> Boxes:
    control = control_from_json({**CONFIG, **more})
    assert isinstance(control, Boxes)
    return control


def box(**changed: Any) -> dict[str, Any]:
    return {"x": 10, "y": 20, "width": 30, "height": 40, "label": "red", **changed}


def test_boxes_are_rounded_sorted_and_there_once() -> None:
    given = [box(y=200.004), box(x=1.005001, width=5.126), box(y=200)]
    assert boxes().clean(given, DATA) == [box(x=1.01, width=5.13), box(y=200)]


def test_cleaning_twice_changes_nothing() -> None:
    once = boxes().clean([box(x=0.335, width=1.675, y=3.333333, height=7.777777)], DATA)
    assert boxes().clean(once, DATA) == once


def test_a_hair_beyond_the_edge_is_cut_off() -> None:
    assert boxes().clean([box(x=600, width=40.3, y=-0.2)], DATA) == [box(x=600, width=40, y=0, height=39.8)]


def test_no_box_is_an_answer() -> None:
    assert boxes().clean([], DATA) == []
    assert not boxes().is_empty([])
    assert boxes().is_empty(None)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("red", "Send a list of boxes, [] where there are none."),
        ([box(), box(), box(x=630)], "Box 3 reaches beyond the image (width 640)."),
        ([box(y=470)], "Box 1 reaches beyond the image (height 480)."),
        ([box(x=-3)], "Box 1 reaches beyond the image (left edge at 0)."),
        ([box(width=0.4)], "Box 1 is less than 1 pixel wide or high; draw it anew or remove it."),
        ([box(x=50, width=-30)], "Box 1 is less than 1 pixel wide or high; draw it anew or remove it."),
        ([box(x="10")], "Box 1 needs a number of pixels as x."),
        ([box(x=True)], "Box 1 needs a number of pixels as x."),
        ([box(x=float("nan"))], "Box 1 needs a number of pixels as x."),
        ([box(label="blue")], "Box 1 has the label “blue”; there are red, white."),
        ([box(label=["red"])], "Box 1 has the label “['red']”; there are red, white."),
        ([box(rotation=3)], "Box 1 has “rotation”, which boxes do not have."),
        ([{"x": 1, "y": 1, "label": "red"}], "Box 1 lacks height, width."),
        ([7], "Box 1 is not an object with height, label, width, x, y."),
        ([box()] * 501, "At most 500 boxes an image; there are 501."),
    ],
)
def test_what_is_wrong_is_said(value: Any, message: str) -> None:
    with pytest.raises(AnswerProblem) as caught:
        boxes().clean(value, DATA)
    assert caught.value.message == message


def test_without_the_size_of_the_image_only_its_start_is_checked() -> None:
    assert boxes().clean([box(x=5000)], {}) == [box(x=5000)]
    with pytest.raises(AnswerProblem, match="left edge"):
        boxes().clean([box(x=-5)], {"image": {"media": "m"}})


def test_the_number_of_boxes_can_be_limited() -> None:
    with pytest.raises(AnswerProblem, match="Draw 1 box; there are 0"):
        boxes(least=1, most=1).clean([], DATA)
    with pytest.raises(AnswerProblem, match="Draw 1 to 2 boxes; there are 3"):
        boxes(least=1, most=2).clean([box(), box(x=1), box(x=2)], DATA)


@pytest.mark.parametrize(
    "wrong", [{"least": 3, "most": 2}, {"most": 0}, {"least": -1}, {"most": True}, {"classes": []}]
)
def test_a_design_that_cannot_be_answered_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(AnswerProblem):
        boxes(**wrong)


def test_the_editors_keys_pick_no_label() -> None:
    control = boxes(classes=[{"name": "net", "key": "n"}, {"name": "cat", "key": "c"}])
    assert [one.key for one in control.classes] == ["", "c"]


def test_shown_counts_labels() -> None:
    assert boxes().shown([box(), box(x=1), box(label="white")]) == "2 red, 1 white"
    assert boxes().shown([]) == "no boxes"


def test_the_board_says_what_is_drawn() -> None:
    assert boxes().described == "boxes with 2 labels"
    assert boxes(classes=["red"]).described == "boxes"


def test_another_label_is_no_match() -> None:
    assert boxes().similarity([box()], [box(label="white")]) == 0
    assert boxes().similarity([box()], [box(), box(x=300)]) == pytest.approx(2 / 3)
