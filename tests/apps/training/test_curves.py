"""Rows, curves and estimates, without a database."""

from __future__ import annotations

from typing import Any

import pytest

from apps.compute.types import JobEvent
from apps.training.curves import MAX_TABLE_ROWS, charts, curve_rows, table_rows
from apps.training.errors import UntrainableDataset
from apps.training.estimates import duration_words, estimate_s
from apps.training.rows import training_rows
from apps.training.types import TrainingMethod


def event(n: int, **fields: Any) -> JobEvent:
    return JobEvent.model_validate({"n": n, "at": 0.0, "attempt": 1, "phase": "training", "fraction": 0.5} | fields)


def test_a_measurement_before_training_is_step_zero_and_one_after_it_the_last_step() -> None:
    events = [
        event(0, eval_accuracy=0.2),
        event(1, step=1, loss=2.0),
        event(2, step=2, loss=1.0),
        event(3, step=64, phase="embedding"),
        event(4, eval_accuracy=0.9),
    ]
    rows = curve_rows(events)
    assert [(row.step, row.loss, row.accuracy) for row in rows] == [(0, None, 0.2), (1, 2.0, None), (2, 1.0, 0.9)]


def test_charts_stay_inside_their_box() -> None:
    rows = curve_rows([event(n, step=n + 1, loss=5.0 / (n + 1), eval_accuracy=n / 40) for n in range(40)])
    drawn = charts(rows, 40)
    assert [chart.title for chart in drawn] == ["Loss", "Held-out accuracy"]
    for chart in drawn:
        for point in chart.points.split():
            x, y = map(float, point.split(","))
            assert chart.left <= x <= chart.right
            assert 0 <= y <= chart.bottom
    assert "5.000 to 0.125" in drawn[0].summary


def test_there_is_no_chart_without_numbers() -> None:
    assert charts(curve_rows([event(0)]), 0) == []


def test_the_table_is_short_and_keeps_both_ends() -> None:
    rows = curve_rows([event(n, step=n + 1, loss=1.0) for n in range(500)])
    shown = table_rows(rows)
    assert len(shown) == MAX_TABLE_ROWS
    assert (shown[0].step, shown[-1].step) == (1, 500)


def test_a_version_without_a_usable_split_gets_a_seeded_one_of_each_class() -> None:
    rows: list[dict[str, str | int]] = [{"text": f"t{n}", "label": "ab"[n % 2], "extra": n} for n in range(50)]
    first, again, other = (training_rows(rows, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first.count("test") == 10
    assert {row["label"] for row in first.rows if row["split"] == "test"} == {"a", "b"}
    assert set(first.rows[0]) == {"text", "label", "split"}


def test_a_split_that_is_there_is_kept_and_empty_rows_are_counted() -> None:
    rows: list[dict[str, str | int]] = [
        {"text": "1", "label": "a", "split": "train"},
        {"text": "2", "label": "b", "split": "train"},
        {"text": "3", "label": "a", "split": "test"},
        {"text": "  ", "label": "a", "split": "test"},
    ]
    found = training_rows(rows, seed=0)
    assert [row["split"] for row in found.rows] == ["train", "train", "test"]
    assert found.skipped == 1


def test_an_overlong_label_names_its_row() -> None:
    with pytest.raises(UntrainableDataset, match="Row 1"):
        training_rows([{"text": "a", "label": "x" * 201}], seed=0)


def test_durations_are_said_as_people_say_them() -> None:
    assert [duration_words(s) for s in (1, 12, 61, 3000, 7300)] == ["5 s", "10 s", "1 min", "50 min", "2 h"]
    assert estimate_s(TrainingMethod.LORA, 10_000) == estimate_s(TrainingMethod.LORA, 240)
