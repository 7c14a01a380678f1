"""The written rule of acceptance, case by case."""

from __future__ import annotations

import pytest

from apps.labeling.acceptance import Standing, decide, standing
from apps.labeling.consensus import Record

GOOD, FAILING, UNKNOWN = Record(10, 8), Record(10, 6), Record(2, 2)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (Record(0, 0), Standing.UNKNOWN),
        (Record(2, 0), Standing.UNKNOWN),
        (Record(3, 2), Standing.FAILING),
        (Record(3, 3), Standing.GOOD),
        (Record(10, 7), Standing.GOOD),
        (Record(10, 6), Standing.FAILING),
    ],
)
def test_standing_is_seventy_percent_of_at_least_three(record, expected):
    assert standing(record) is expected


@pytest.mark.parametrize(
    ("answer", "gold", "record", "final", "state", "rule"),
    [
        ("ham", "ham", FAILING, False, "accepted", "gold_match"),
        ("spam", "ham", GOOD, False, "rejected", "gold_mismatch"),
        ("ham", "", FAILING, False, "rejected", "failed_checks"),
        ("ham", "", GOOD, False, "accepted", "agrees_with_consensus"),
        ("ham", "", UNKNOWN, False, "accepted", "agrees_with_consensus"),
        ("spam", "", GOOD, False, "accepted", "trusted_by_gold"),
        ("spam", "", UNKNOWN, False, "pending", "awaiting_standing"),
        ("spam", "", UNKNOWN, True, "rejected", "differs_from_consensus"),
        ("spam", "", GOOD, True, "accepted", "trusted_by_gold"),
    ],
)
def test_each_case_has_its_rule_and_a_reason(answer, gold, record, final, state, rule):
    decision = decide(
        answer=answer, expected="ham", is_same=answer == "ham", is_gold=bool(gold), record=record, final=final
    )
    assert (decision.state, decision.rule) == (state, rule)
    assert len(decision.reason) > 20
