"""Candidates in order: what is refused, how far two orders agree, what several lead to."""

from __future__ import annotations

from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.labeling.controls.base import AnswerProblem, GivenAnswer
from apps.labeling.controls.ranking import MAX_EXACT, Ranking

CONFIG = {"type": "ranking", "name": "order", "input": "texts", "title": "", "required": True}
CONTROL = Ranking.from_json(CONFIG)
ORDERS = st.permutations("abcd").map(list)


def data(keys: str) -> dict[str, object]:
    return {"texts": [{"key": key, "text": f"text {key}"} for key in keys]}


def given_by(*answers: tuple[object, float]) -> list[GivenAnswer]:
    return [GivenAnswer(f"annotator-{index}", value, accuracy) for index, (value, accuracy) in enumerate(answers)]


def test_the_form_goes_there_and_back():
    assert CONTROL.as_json() == CONFIG


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("abc", "comes as a list"),
        (["a", "x", "b"], "Place 2 has “x”, which is no candidate; there are a, b, c"),
        (["a", "b", "a"], "“a” has two places, 1 and 3"),
        (["b"], "“a” has no place yet; 2 of 3 are missing"),
        ([["a"], "b", "c"], "no candidate"),
    ],
)
def test_what_is_wrong_is_said(value, message):
    with pytest.raises(AnswerProblem, match=message):
        CONTROL.clean(value, data("abc"))


def test_a_task_without_candidates_is_said():
    with pytest.raises(AnswerProblem, match="no candidates in “texts”"):
        CONTROL.clean(["a"], {})


def test_an_order_of_all_is_taken_and_none_is_empty():
    assert CONTROL.clean(["c", "a", "b"], data("abc")) == ["c", "a", "b"]
    assert CONTROL.is_empty(CONTROL.clean([], data("abc")))


def test_similarity_is_the_share_of_pairs_in_the_same_order():
    assert CONTROL.similarity(list("abcd"), list("abdc")) == pytest.approx(5 / 6)
    assert CONTROL.similarity(list("abcd"), list("dcba")) == 0
    assert CONTROL.similarity(["a"], ["a"]) == 1
    assert CONTROL.similarity([], []) == 1
    assert CONTROL.similarity([], ["a"]) == 0


@given(ORDERS, ORDERS)
def test_similarity_is_symmetric_within_bounds_and_one_only_for_equal_orders(one, other):
    found = CONTROL.similarity(one, other)
    assert 0 <= found <= 1
    assert found == pytest.approx(CONTROL.similarity(other, one))
    assert (found == 1) == (one == other)


def test_most_decide_and_a_reliable_annotator_counts_more():
    found = CONTROL.consensus(given_by((list("abc"), 0.7), (list("abc"), 0.7), (list("cba"), 0.7)), data("abc"))
    assert found.value == list("abc")
    assert CONTROL.consensus(given_by((list("abc"), 0.6), (list("cba"), 0.95)), data("abc")).value == list("cba")


def test_a_pair_is_as_sure_as_its_votes():
    found = CONTROL.consensus(given_by((["b", "a"], 0.8)), data("ab"))
    assert found.value == ["b", "a"]
    assert found.confidence == pytest.approx(0.8)


def test_nobody_answered():
    assert CONTROL.consensus(given_by((None, 0.8), ([], 0.8)), data("ab")).value is None
    assert CONTROL.shown(None) == "no answer"


@settings(max_examples=60)
@given(st.lists(st.tuples(ORDERS, st.sampled_from([0.55, 0.7, 0.9])), min_size=1, max_size=5), st.randoms())
def test_no_order_contradicts_the_answers_less_whatever_their_order(answers, random):
    found = CONTROL.consensus(given_by(*answers), data("abcd"))

    def agreement(order):
        # Log odds of 0.55, 0.7 and 0.9.
        weight = {0.55: 0.2006706954621511, 0.7: 0.8472978603872034, 0.9: 2.197224577336219}
        return sum(
            weight[accuracy] * (1 if value.index(better) < value.index(worse) else -1)
            for value, accuracy in answers
            for better, worse in combinations(order, 2)
        )

    assert agreement(found.value) == pytest.approx(max(agreement(order) for order in permutations("abcd")))
    random.shuffle(answers)
    assert CONTROL.consensus(given_by(*answers), data("abcd")) == found


def test_many_candidates_go_by_borda_counts():
    keys = "abcdefghijkl"
    assert len(keys) > MAX_EXACT
    swapped = ["b", "a", *keys[2:]]
    found = CONTROL.consensus(given_by((list(keys), 0.8), (list(keys), 0.8), (swapped, 0.8)), data(keys))
    assert found.value == list(keys)
    assert CONTROL.shown(found.value[:3]) == "a > b > c"
