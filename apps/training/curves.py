"""The learning curve as plain drawings: points for an SVG, and the same numbers for a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.compute.types import JobEvent

WIDTH, HEIGHT = 560, 200
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 30
MAX_TABLE_ROWS = 24
_TICKS = 4


@dataclass(frozen=True)
class Tick:
    """A grid line with its number; `at` is the place along the axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """One line over the training steps, in units of the SVG's view box."""

    title: str
    summary: str
    points: str
    dots: tuple[tuple[float, float], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True)
class CurveRow:
    """One line of the table beside the drawing."""

    step: int
    loss: float | None
    accuracy: float | None


def curve_rows(events: Sequence[JobEvent]) -> list[CurveRow]:
    """Loss and held-out accuracy by step. A measurement without a step belongs to the last step before it."""
    rows: dict[int, CurveRow] = {}
    step = 0
    for event in events:
        if event.loss is None and event.eval_accuracy is None:
            continue
        step = event.step if event.step is not None and event.loss is not None else step
        before = rows.get(step, CurveRow(step, None, None))
        rows[step] = CurveRow(
            step,
            event.loss if event.loss is not None else before.loss,
            event.eval_accuracy if event.eval_accuracy is not None else before.accuracy,
        )
    return [rows[number] for number in sorted(rows)]


def table_rows(rows: Sequence[CurveRow]) -> list[CurveRow]:
    """At most 24 rows, evenly chosen, always with the first and the last."""
    if len(rows) <= MAX_TABLE_ROWS:
        return list(rows)
    last = len(rows) - 1
    return [rows[round(number * last / (MAX_TABLE_ROWS - 1))] for number in range(MAX_TABLE_ROWS)]


def charts(rows: Sequence[CurveRow], total_steps: int) -> list[Chart]:
    """Loss and accuracy, each where there is anything to draw."""
    losses = [(row.step, row.loss) for row in rows if row.loss is not None]
    accuracies = [(row.step, row.accuracy) for row in rows if row.accuracy is not None]
    drawn = []
    if losses:
        top = max(value for _, value in losses)
        summary = f"Loss fell from {losses[0][1]:.3f} to {losses[-1][1]:.3f} in {losses[-1][0]} steps."
        drawn.append(_chart("Loss", summary, losses, total_steps, top * 1.05 or 1.0, "{:.2f}"))
    if accuracies:
        summary = f"Held-out accuracy is {accuracies[-1][1]:.1%} after {accuracies[-1][0]} steps."
        percents = [(step, value * 100) for step, value in accuracies]
        drawn.append(_chart("Held-out accuracy", summary, percents, total_steps, 100.0, "{:.0f} %"))
    return drawn


def _chart(
    title: str, summary: str, values: Sequence[tuple[int, float]], total_steps: int, top: float, form: str
) -> Chart:
    steps = max(total_steps, values[-1][0], 1)

    def across(step: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * step / steps, 1)

    def up(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value / top, 1.0), 1)

    places = [(across(step), up(value)) for step, value in values]
    return Chart(
        title=title,
        summary=summary,
        points=" ".join(f"{x},{y}" for x, y in places),
        dots=tuple(places if len(places) <= 3 else places[-1:]),
        x_ticks=tuple(
            Tick(across(part * steps / _TICKS), f"{part * steps / _TICKS:.0f}") for part in range(_TICKS + 1)
        ),
        y_ticks=tuple(Tick(up(part * top / _TICKS), form.format(part * top / _TICKS)) for part in range(_TICKS + 1)),
    )
