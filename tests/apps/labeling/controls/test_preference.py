"""The best of a few: what is refused, what several answers lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.labeling.controls.base import AnswerProblem, GivenAnswer
from apps.labeling.controls.preference import Preference

DATA = {"texts": [{"key": "a", "text": "Yes."}, {"key": "b", "text": "No."}]}
CONFIG = {"type": "preference", "name": "better", "input": "texts", "title": "", "required": True, "tie": True}
CONTROL = Preference.from_json(CONFIG)
STRICT = Preference.from_json(CONFIG | {"tie": False})


def given_by(*answers: tuple[object, float]) -> list[GivenAnswer]:
    return [GivenAnswer(f"annotator-{index}", value, accuracy) for index, (value, accuracy) in enumerate(answers)]


def test_the_form_goes_there_and_back():
    assert CONTROL.as_json() == CONFIG
    with pytest.raises(AnswerProblem, match="true or false"):
        Preference.from_json(CONFIG | {"tie": "yes"})


def test_a_candidate_is_taken_and_a_tie_where_it_is_an_answer():
    assert CONTROL.clean("b", DATA) == "b"
    assert CONTROL.clean("tie", DATA) == "tie"
    with pytest.raises(AnswerProblem, match="“tie” is no candidate; choose one of a, b"):
        STRICT.clean("tie", DATA)
    with pytest.raises(AnswerProblem, match="no candidate"):
        CONTROL.clean(["a"], DATA)


def test_the_weighted_vote_decides():
    found = CONTROL.consensus(given_by(("a", 0.95), ("b", 0.5), ("tie", 0.5)), DATA)
    assert found.value == "a"
    assert STRICT.consensus(given_by(("b", 0.8)), DATA).confidence == pytest.approx(0.8)
    assert CONTROL.consensus(given_by((None, 0.8)), DATA).value is None


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "tie"]), st.floats(0.1, 1)), min_size=1, max_size=6), st.randoms())
def test_a_consensus_is_a_clean_answer_and_does_not_depend_on_the_order(answers, random):
    found = CONTROL.consensus(given_by(*answers), DATA)
    assert CONTROL.clean(found.value, DATA) == found.value
    random.shuffle(answers)
    assert CONTROL.consensus(given_by(*answers), DATA) == found


def test_similarity_and_words():
    assert (CONTROL.similarity("a", "a"), CONTROL.similarity("a", "tie")) == (1, 0)
    assert [CONTROL.shown(value) for value in ("a", "tie", None)] == ["a", "equally good", "no answer"]
