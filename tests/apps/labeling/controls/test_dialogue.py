"""Written dialogues: what is refused, and that free writing is not judged by agreement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.labeling.controls.base import AnswerProblem, GivenAnswer
from apps.labeling.controls.dialogue import Dialogue

CONFIG = {
    "type": "dialogue",
    "name": "talk",
    "input": "topic",
    "title": "Write it",
    "required": True,
    "roles": ["user", "assistant"],
    "least": 2,
    "most": 3,
}
CONTROL = Dialogue.from_json(CONFIG)
ASK, TELL = {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}


def given_by(*answers: tuple[object, float]) -> list[GivenAnswer]:
    return [GivenAnswer(f"annotator-{index}", value, accuracy) for index, (value, accuracy) in enumerate(answers)]


def test_the_form_goes_there_and_back_with_roles_in_order():
    assert Dialogue.from_json(CONFIG | {"roles": ["assistant", "user"]}).as_json() == CONFIG
    plain = Dialogue.from_json({"name": "talk", "input": "topic"})
    assert (plain.roles, plain.least, plain.most) == (("user", "assistant"), 1, 50)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"roles": []}, "roles"), ({"roles": ["system"]}, "roles"), ({"least": 4}, "least"), ({"most": 51}, "least")],
)
def test_a_wrong_form_is_refused_with_its_part(change, field):
    with pytest.raises(AnswerProblem) as problem:
        Dialogue.from_json(CONFIG | change)
    assert problem.value.field == field


def test_turns_lose_white_space_at_their_ends_and_keep_lines():
    long = {"role": "assistant", "content": " One.\r\nTwo. \n"}
    assert CONTROL.clean([ASK, long], {}) == [ASK, {"role": "assistant", "content": "One.\nTwo."}]
    assert CONTROL.is_empty(CONTROL.clean([], {}))


@pytest.mark.parametrize(
    ("value", "message", "field"),
    [
        ({}, "list of turns", ""),
        ([ASK, "x"], "Turn 2 comes as", "1"),
        ([ASK, {"role": "system", "content": "x"}], "Turn 2 is by “system”; write turns of user and", "1.role"),
        ([ASK, {"role": "assistant", "content": " \n"}], "Turn 2 is empty", "1.content"),
        ([ASK, {"role": "assistant"}], "Turn 2 is empty", "1.content"),
        ([ASK, {"role": "assistant", "content": 7}], "Turn 2 is no text", "1.content"),
        ([ASK], "has 1 turns; write 2 to 3", ""),
        ([ASK] * 4, "has 4 turns", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_turn(value, message, field):
    with pytest.raises(AnswerProblem, match=message) as problem:
        CONTROL.clean(value, {})
    assert problem.value.field == field


def test_writing_is_never_judged_by_agreement():
    assert not CONTROL.agreement
    assert CONTROL.similarity([ASK, TELL], [TELL, ASK]) >= CONTROL.same_from
    assert CONTROL.similarity([ASK], [ASK]) == 1


@given(st.lists(st.tuples(st.sampled_from(["x", "y", "z"]), st.sampled_from([0.6, 0.9])), min_size=1), st.randoms())
def test_the_most_reliable_annotator_is_followed_whatever_the_order(answers, random):
    written = [([{"role": "user", "content": content}], accuracy) for content, accuracy in answers]
    found = CONTROL.consensus(given_by(*written), {})
    assert found.confidence == max(accuracy for _, accuracy in answers)
    random.shuffle(written)
    assert CONTROL.consensus(given_by(*written), {}) == found
    assert CONTROL.consensus(given_by((None, 0.9), ([], 0.9)), {}).value is None


def test_it_is_shown_in_a_few_words():
    assert CONTROL.shown([ASK, TELL]) == "2 turns: Why?"
    assert CONTROL.shown([{"role": "user", "content": "word " * 40}]).endswith("…")
    assert CONTROL.shown(None) == "no answer"
