"""Stretches of time: what is refused, how far two answers agree, what several lead to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.labeling.controls.base import AnswerProblem, GivenAnswer
from apps.labeling.controls.regions import Regions

DATA = {"sound": {"media": "018f", "content_type": "audio/wav", "bytes": 9, "duration_ms": 10_000}}
CONFIG = {
    "type": "regions",
    "name": "speech",
    "input": "sound",
    "title": "",
    "required": True,
    "classes": [{"name": "speech", "key": "1"}, {"name": "noise", "key": "2"}],
    "text": True,
    "overlap": True,
}
CONTROL = Regions.from_json(CONFIG)
APART = Regions.from_json(CONFIG | {"text": False, "overlap": False})


def region(start: int, end: int, label: str = "speech", text: str = "") -> dict[str, object]:
    found: dict[str, object] = {"start_ms": start, "end_ms": end, "label": label}
    return found | ({"text": text} if text else {})


def given_by(*answers: tuple[object, float]) -> list[GivenAnswer]:
    return [GivenAnswer(f"annotator-{index}", value, accuracy) for index, (value, accuracy) in enumerate(answers)]


def test_the_form_goes_there_and_back():
    assert CONTROL.as_json() == CONFIG
    with pytest.raises(AnswerProblem, match="true or false") as problem:
        Regions.from_json(CONFIG | {"text": 1})
    assert problem.value.field == "text"


def test_regions_are_put_in_order_each_once():
    cleaned = CONTROL.clean([region(500, 900, text=" a  b "), region(0, 400), region(0, 400)], DATA)
    assert cleaned == [region(0, 400), region(500, 900, text="a b")]
    assert CONTROL.clean(cleaned, DATA) == cleaned


def test_an_end_a_moment_after_the_recording_is_its_end():
    assert CONTROL.clean([region(9_000, 10_120)], DATA) == [region(9_000, 10_000)]
    assert CONTROL.clean([region(9_000, 90_000)], {"sound": {"media": "018f"}}) == [region(9_000, 90_000)]


@pytest.mark.parametrize(
    ("value", "message", "field"),
    [
        ({}, "come as a list", ""),
        (["x"], "Region 1 comes as", "0"),
        ([region(0, 400), region(1, 2) | {"end_ms": 2.5}], "Region 2: .*whole milliseconds", "1"),
        ([region(400, 400)], "ends after its start", "0"),
        ([region(-1, 400)], "starts at 0 or later", "0"),
        ([region(0, 10_251)], "after the recording \\(10000 ms\\)", "0"),
        ([region(0, 400, "music")], "choose one of speech, noise", "0"),
        ([region(0, 400, text="a\x00")], "The text of region 1 has a character", "0.text"),
    ],
)
def test_what_is_wrong_is_said_with_its_region(value, message, field):
    with pytest.raises(AnswerProblem, match=message) as problem:
        CONTROL.clean(value, DATA)
    assert problem.value.field == field


def test_overlap_and_text_are_refused_where_they_are_not_asked_for():
    with pytest.raises(AnswerProblem, match=r"0\.30 to 0\.90 s overlaps the region 0\.00 to 0\.40 s"):
        APART.clean([region(300, 900), region(0, 400)], DATA)
    with pytest.raises(AnswerProblem, match="not asked for"):
        APART.clean([region(0, 400, text="hello")], DATA)


def test_nothing_marked_is_an_answer():
    assert not CONTROL.is_empty(CONTROL.clean([], DATA))
    assert CONTROL.is_empty(None)


def test_similarity_counts_regions_that_match():
    two = [region(0, 1_000), region(2_000, 3_000)]
    assert CONTROL.similarity(two, [region(100, 1_050), region(5_000, 6_000)]) == 0.5
    assert CONTROL.similarity(two, [region(0, 1_000, "noise")]) == 0
    assert CONTROL.similarity([], []) == 1
    assert CONTROL.similarity([], two) == 0
    assert CONTROL.similarity([region(0, 9, text="one two")], [region(0, 9, text="one too")]) == 0.5


def test_bounds_are_medians_labels_votes_and_texts_rover():
    found = CONTROL.consensus(
        given_by(
            ([region(1_000, 2_000, text="one two"), region(4_000, 5_000)], 0.8),
            ([region(1_040, 2_050, text="One two")], 0.8),
            ([region(900, 2_010, "noise"), region(7_000, 7_500)], 0.8),
        ),
        DATA,
    )
    assert found.value == [region(1_020, 2_025, text="One two")]
    assert 0.5 < found.confidence < 0.95


def test_all_silent_is_a_consensus():
    found = CONTROL.consensus(given_by(([], 0.9), ([], 0.9)), DATA)
    assert found.value == []
    assert found.confidence > 0.95
    assert CONTROL.consensus(given_by((None, 0.9)), DATA).value is None


@st.composite
def values(draw):
    starts = draw(st.lists(st.integers(0, 9_000), max_size=4))
    regions = [
        region(
            start,
            start + draw(st.integers(1, 1_000)),
            draw(st.sampled_from(["speech", "noise"])),
            draw(st.sampled_from(["", "one", "one two", "Two"])),
        )
        for start in starts
    ]
    return CONTROL.clean(regions, DATA)


@given(values(), values())
def test_similarity_is_symmetric_within_bounds_and_one_for_equal_answers(one, other):
    found = CONTROL.similarity(one, other)
    assert 0 <= found <= 1
    assert found == pytest.approx(CONTROL.similarity(other, one))
    assert CONTROL.similarity(one, one) == 1


@settings(max_examples=60)
@given(st.lists(st.tuples(values(), st.sampled_from([0.3, 0.6, 0.8, 0.95])), min_size=1, max_size=5), st.randoms())
def test_a_consensus_is_a_clean_answer_and_does_not_depend_on_the_order(answers, random):
    for control in (CONTROL, APART):
        found = control.consensus(given_by(*answers), DATA)
        assert control.clean(found.value, DATA) == found.value
        assert 0 <= found.confidence < 1
        shuffled = list(answers)
        random.shuffle(shuffled)
        assert control.consensus(given_by(*shuffled), DATA) == found


def test_it_is_shown_in_a_few_words():
    assert CONTROL.shown([region(0, 1_500)]) == "speech 0.00 to 1.50 s"
    assert CONTROL.shown([region(0, 1_500)] * 4).endswith(", 1 more")
    assert CONTROL.shown([]) == "nothing marked"
    assert CONTROL.shown(None) == "no answer"
