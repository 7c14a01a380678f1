"""Agreement figures, held against published examples."""

from __future__ import annotations

import pytest

from apps.labeling.quality.agreement import by_class, interval_alpha, nominal_alpha, ordinal_alpha

#: Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: four observers, twelve units.
OBSERVERS = ("1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 .")
UNITS = [[value for value in unit if value != "."] for unit in zip(*(row.split() for row in OBSERVERS), strict=True)]
GRADES = [[float(value) for value in unit] for unit in UNITS]


def test_the_published_example_at_three_levels():
    assert nominal_alpha(UNITS) == pytest.approx(0.743, abs=0.0005)
    assert ordinal_alpha(GRADES) == pytest.approx(0.815, abs=0.0005)
    assert interval_alpha(GRADES) == pytest.approx(0.849, abs=0.0005)


def test_the_textbook_example_of_two_observers():
    first, second = "0100000000", "1110010010"
    assert nominal_alpha(list(zip(first, second, strict=True))) == pytest.approx(0.095, abs=0.001)


@pytest.mark.parametrize("units", [[], [["1"]], [["1"], ["2"]], [["1", "1"], ["1"]]])
def test_where_nothing_can_be_said(units):
    grades = [[float(value) for value in unit] for unit in units]
    assert nominal_alpha(units) is None
    assert ordinal_alpha(grades) is None
    assert interval_alpha(grades) is None


def test_full_agreement_is_one_and_amounts_may_be_large():
    assert nominal_alpha([["a", "a"], ["b", "b"]]) == 1
    assert interval_alpha([[1e9, 1e9], [1e9 + 1, 1e9 + 1]]) == pytest.approx(1)


def test_by_class():
    # Of three who call it a dog, each has one of two others on their side; the cat has nobody.
    assert by_class([["dog", "dog", "cat"], ["dog"]]) == {"cat": 0.0, "dog": 0.5}
    assert by_class([["dog", "dog"], ["cat", "cat", "cat"]]) == {"cat": 1.0, "dog": 1.0}
