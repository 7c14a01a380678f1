"""The small votes that structured answers are decided by."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.labeling.controls.votes import decide, posterior, weighted_median
from apps.labeling.controls.voting import MAX_CONFIDENCE

ACCURACIES = st.floats(0, 1)
VOTES = st.lists(st.tuples(st.sampled_from("abcd"), ACCURACIES), min_size=1, max_size=8)


def test_one_vote_is_as_sure_as_its_voter():
    assert posterior([("a", 0.8)], wrong_options=3) == pytest.approx({"a": 0.8})


def test_two_good_voters_outvote_two_bad_ones_and_three_middling_agree_to_near_certainty():
    assert decide([("a", 0.9), ("a", 0.9), ("b", 0.6), ("b", 0.6)], wrong_options=1).option == "a"
    assert decide([("a", 0.7)] * 3, wrong_options=9).probability > 0.99


def test_a_vote_of_a_voter_worse_than_chance_speaks_against_its_option():
    assert decide([("a", 0.1), ("b", 0.5)], wrong_options=1).option == "b"


def test_a_tie_goes_to_the_least_option_or_to_the_first_in_the_order():
    votes = [("b", 0.7), ("a", 0.7)]
    assert decide(votes, wrong_options=2).option == "a"
    assert decide(votes, wrong_options=2, order=lambda option: -ord(option)).option == "b"


@given(VOTES, st.randoms())
def test_probabilities_sum_to_at_most_one_and_do_not_depend_on_the_order(votes, random):
    found = posterior(votes, wrong_options=3)
    assert math.fsum(found.values()) <= 1 + 1e-9
    shuffled = list(votes)
    random.shuffle(shuffled)
    assert posterior(shuffled, wrong_options=3) == found
    assert decide(shuffled, wrong_options=3) == decide(votes, wrong_options=3)
    assert decide(votes, wrong_options=3).probability <= MAX_CONFIDENCE


def test_the_median_goes_by_weight():
    assert weighted_median([(10, 1), (20, 1), (90, 1)]) == 20
    assert weighted_median([(10, 5), (20, 1), (90, 1)]) == 10
    assert weighted_median([(10, 1), (20, 1)]) == 15
    assert weighted_median([(7, 0.3)]) == 7


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(0.01, 1)), min_size=1), st.randoms())
def test_the_median_lies_within_the_values_whatever_their_order(values, random):
    found = weighted_median(values)
    assert min(values)[0] <= found <= max(values)[0]
    random.shuffle(values)
    assert weighted_median(values) == found
