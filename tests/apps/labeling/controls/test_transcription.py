"""Transcriptions: what is refused, how far two agree, what several lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.labeling.controls.base import AnswerProblem, GivenAnswer
from apps.labeling.controls.transcription import Transcription

CONFIG = {"type": "transcription", "name": "said", "input": "sound", "title": "", "required": True}
CONTROL = Transcription.from_json(CONFIG)
SAID = st.lists(st.sampled_from(["one", "two", "Three,"]), max_size=6).map(" ".join)


def given_by(*answers: tuple[object, float]) -> list[GivenAnswer]:
    return [GivenAnswer(f"annotator-{index}", value, accuracy) for index, (value, accuracy) in enumerate(answers)]


def test_the_form_goes_there_and_back():
    assert CONTROL.as_json() == CONFIG


def test_white_space_is_normalised():
    assert CONTROL.clean(" one\n\ttwo  three ", {}) == "one two three"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (7, "is no text"),
        ("a\x00", "cannot be stored"),
        ("word " * 2_001, "2,001 words"),
        ("x" * 20_001, "at most 20,000"),
    ],
)
def test_what_is_wrong_is_said(value, message):
    with pytest.raises(AnswerProblem, match=message):
        CONTROL.clean(value, {})


def test_similarity_is_one_less_the_word_error_rate():
    assert CONTROL.similarity("One, two three four", "one two tree four") == 0.75
    assert CONTROL.similarity(None, "") == 1


def test_most_words_win():
    found = CONTROL.consensus(given_by(("one two tree", 0.7), ("one to three", 0.7), ("one two three", 0.7)), {})
    assert found.value == "one two three"
    assert 0.8 < found.confidence < 1
    assert CONTROL.consensus(given_by(("one two", 0.7)), {}).confidence == pytest.approx(0.7)


@given(st.lists(st.tuples(SAID, st.sampled_from([0.6, 0.9])), min_size=1, max_size=4), st.randoms())
def test_a_consensus_is_a_clean_answer_and_does_not_depend_on_the_order(answers, random):
    found = CONTROL.consensus(given_by(*answers), {})
    assert CONTROL.clean(found.value, {}) == found.value
    random.shuffle(answers)
    assert CONTROL.consensus(given_by(*answers), {}) == found


def test_it_is_shown_by_its_beginning():
    assert CONTROL.shown("one") == "one"
    assert len(CONTROL.shown("x" * 500)) == 80
    assert CONTROL.shown(None) == ""
