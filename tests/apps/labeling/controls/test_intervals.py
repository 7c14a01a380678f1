"""Stretches of text and time: overlap, matching and clusters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.labeling.controls.intervals import (
    Interval,
    Marked,
    clusters,
    covered_f1,
    first_overlap,
    iou,
    matches,
    overlap,
)

INTERVALS = st.builds(
    lambda start, length, label: Interval(start, start + length, label),
    st.integers(0, 40),
    st.integers(1, 12),
    st.sampled_from(["x", "y"]),
)
SEVERAL = st.lists(INTERVALS, max_size=6)


def marked(*answers: list[Interval]) -> list[Marked]:
    return [Marked(one, by, index) for by, answer in enumerate(answers) for index, one in enumerate(answer)]


def test_overlap_and_iou():
    one, other = Interval(0, 10, "x"), Interval(5, 15, "x")
    assert overlap(one, other) == 5
    assert iou(one, other) == pytest.approx(1 / 3)
    assert iou(one, Interval(10, 12, "x")) == 0


def test_the_first_overlap_is_found_also_behind_a_long_interval():
    intervals = [Interval(30, 31, "x"), Interval(0, 20, "x"), Interval(2, 3, "x")]
    assert first_overlap(intervals) == (1, 2)
    assert first_overlap([Interval(0, 5, "x"), Interval(5, 9, "x")]) is None


@given(SEVERAL)
def test_an_overlap_is_found_exactly_where_there_is_one(intervals):
    there = any(overlap(one, other) for at, one in enumerate(intervals) for other in intervals[at + 1 :])
    assert (first_overlap(intervals) is not None) == there


@given(SEVERAL, SEVERAL)
def test_covered_f1_counts_labelled_positions(one, other):
    def positions(intervals):
        return {(at, each.label) for each in intervals for at in range(each.start, each.end)}

    mine, theirs = positions(one), positions(other)
    total = len(mine) + len(theirs)
    assert covered_f1(one, other) == pytest.approx(2 * len(mine & theirs) / total if total else 1)


@given(SEVERAL, SEVERAL)
def test_matching_is_one_to_one_label_aware_and_symmetric_in_number(one, other):
    found = matches(one, other, least=0.5)
    assert len({left for left, _ in found}) == len({right for _, right in found}) == len(found)
    assert all(one[left].label == other[right].label for left, right in found)
    assert len(found) == len(matches(other, one, least=0.5))


def test_one_name_marked_at_three_lengths_is_one_cluster():
    found = clusters(marked([Interval(4, 10, "x")], [Interval(0, 10, "x")], [Interval(4, 17, "x")]))
    assert [len(group) for group in found] == [3]


def test_two_names_are_two_clusters_where_one_annotator_marked_both():
    found = clusters(marked([Interval(0, 4, "x"), Interval(5, 11, "x")], [Interval(0, 11, "x")]))
    assert sorted(len(group) for group in found) == [1, 2]


def test_another_label_is_the_same_thing_only_from_half_an_overlap_on():
    assert len(clusters(marked([Interval(0, 10, "x")], [Interval(0, 9, "y")]))) == 1
    assert len(clusters(marked([Interval(0, 10, "x")], [Interval(0, 3, "y")]))) == 2


@given(st.lists(SEVERAL, max_size=4))
def test_each_interval_is_in_one_cluster_with_others_of_other_annotators_that_overlap(answers):
    given_marks = marked(*answers)
    found = clusters(given_marks)
    assert sorted(one for group in found for one in group) == sorted(given_marks)
    for group in found:
        assert len({one.by for one in group}) == len(group)
        assert max(one.interval.start for one in group) < min(one.interval.end for one in group)
