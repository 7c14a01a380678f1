"""Bars of a version's figures, laid out for an SVG that the server draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WIDTH = 520
_LINE = 26
_BAR = 16
_LABEL = 168
_NUMBER = 64
MOST_BARS = 20
_LABEL_LENGTH = 22


@dataclass(frozen=True)
class Bar:
    """One line of a plot; `y` is the bar's top, `middle` where its text stands."""

    label: str
    full_label: str
    count: int
    percent: str
    y: int
    middle: int
    width: float

    @property
    def after(self) -> float:
        """Where the count stands, from the bar's start."""
        return self.width + 6


@dataclass(frozen=True)
class Plot:
    """Bars ready for an SVG of `width` x `height` units, starting at `left`."""

    title: str
    bars: tuple[Bar, ...]
    height: int
    left_out: int = 0
    width: int = _WIDTH
    left: int = _LABEL
    bar_height: int = _BAR

    @property
    def summary(self) -> str:
        """What a screen reader says of the drawing."""
        return f"{self.title}: " + ", ".join(f"{bar.full_label} {bar.count}" for bar in self.bars)


def plot(title: str, counts: Sequence[tuple[str, int]]) -> Plot:
    """A bar for each of the first `MOST_BARS` counts."""
    shown = counts[:MOST_BARS]
    most = max((count for _, count in shown), default=1) or 1
    total = sum(count for _, count in counts) or 1
    room = _WIDTH - _LABEL - _NUMBER
    bars = tuple(
        Bar(
            label=name if len(name) <= _LABEL_LENGTH else f"{name[: _LABEL_LENGTH - 1]}…",
            full_label=name,
            count=count,
            percent=f"{100 * count / total:.1f} %",
            y=place * _LINE + (_LINE - _BAR) // 2,
            middle=place * _LINE + _LINE // 2,
            width=round(room * count / most, 1),
        )
        for place, (name, count) in enumerate(shown)
    )
    return Plot(title, bars, len(bars) * _LINE, len(counts) - len(shown))


def plots(statistics: Mapping[str, Any]) -> list[Plot]:
    """The plots of a card's statistics: counts by value, lengths of texts, and how sure labels are."""
    found: list[Plot] = []
    for name, figures in statistics.get("columns", {}).items():
        for key, title in (("values", f"Rows by {name}"), ("labels", f"Labels of {name}")):
            counts = figures.get(key)
            if counts and name != "confidence_bps":
                found.append(plot(title, list(counts.items())))
        if figures.get("histogram"):
            found.append(plot("Rows by confidence", _ranges(figures["histogram"], per_cent=True)))
        if figures.get("lengths") and len(figures["lengths"]) > 2:
            found.append(plot(f"Characters of {name}", _ranges(figures["lengths"], per_cent=False)))
    return found


def _ranges(histogram: Sequence[Mapping[str, int]], *, per_cent: bool) -> list[tuple[str, int]]:
    starts = [one["from"] for one in histogram]
    ends = [*starts[1:], None]
    named: list[tuple[str, int]] = []
    for one, end in zip(histogram, ends, strict=True):
        start = one["from"]
        if per_cent:
            label = f"{start // 100} to {(start + 1_000) // 100} %"
        else:
            label = f"{start:,} to {end - 1:,}" if end is not None else f"{start:,} and more"
        named.append((label, one["count"]))
    first = next((place for place, (_, count) in enumerate(named) if count), 0)
    return named[first:]
