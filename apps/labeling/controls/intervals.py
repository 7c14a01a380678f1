"""Stretches of text or of time: how far two agree, and which stretches of several annotators are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Stretches with different labels are the same thing seen differently from this overlap on.
SAME_THING_FROM = 0.5


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A labelled stretch from `start` to before `end`."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True, order=True)
class Marked:
    """One annotator's interval: `by` is the place of the answer, `index` that of the interval in it."""

    interval: Interval
    by: int
    index: int


def overlap(one: Interval, other: Interval) -> int:
    """Length of what both cover."""
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def iou(one: Interval, other: Interval) -> float:
    """Intersection over union, from 0 to 1."""
    both = overlap(one, other)
    return both / (one.end - one.start + other.end - other.start - both) if both else 0.0


def first_overlap(intervals: Sequence[Interval]) -> tuple[int, int] | None:
    """The places of two intervals that overlap, the one that starts earlier first; None if none do."""
    ordered = sorted(range(len(intervals)), key=lambda index: intervals[index])
    reaching = None
    for index in ordered:
        if reaching is not None and overlap(intervals[reaching], intervals[index]):
            return reaching, index
        if reaching is None or intervals[index].end > intervals[reaching].end:
            reaching = index
    return None


def covered_f1(one: Sequence[Interval], other: Sequence[Interval]) -> float:
    """F1 of the labelled positions that both cover; 1 if both cover nothing."""
    mine, theirs = _cover(one), _cover(other)
    total = sum(end - start for stretches in (*mine.values(), *theirs.values()) for start, end in stretches)
    if total == 0:
        return 1.0
    return 2 * sum(_common(mine[label], theirs[label]) for label in mine.keys() & theirs.keys()) / total


def matches(one: Sequence[Interval], other: Sequence[Interval], *, least: float) -> list[tuple[int, int]]:
    """Pairs of places of the same label with at least this overlap, each interval in one pair at most, best first."""
    pairs = []
    for left, mine in enumerate(one):
        for right, theirs in enumerate(other):
            if mine.label == theirs.label and (score := iou(mine, theirs)) >= least:
                pairs.append((-score, min(mine, theirs), max(mine, theirs), left, right))
    taken: set[tuple[str, int]] = set()
    found = []
    for _, _, _, left, right in sorted(pairs):
        if not {("left", left), ("right", right)} & taken:
            taken |= {("left", left), ("right", right)}
            found.append((left, right))
    return found


def clusters(marked: Sequence[Marked]) -> list[list[Marked]]:
    """Which intervals mean the same thing: at most one an annotator, every two of a cluster overlapping.

    The pairs that overlap most are joined first. Intervals of one label belong together as soon as they overlap (people
    differ in whether "President" belongs to the name); of different labels from `SAME_THING_FROM` on.
    """
    ordered = sorted(marked)
    of = {one: [one] for one in ordered}
    for _, one, other in sorted(_alike(ordered)):
        left, right = of[one], of[other]
        if left is right or not _may_join(left, right):
            continue
        left.extend(right)
        for member in right:
            of[member] = left
    seen: set[int] = set()
    found = []
    for one in ordered:
        if id(of[one]) not in seen:
            seen.add(id(of[one]))
            found.append(sorted(of[one]))
    return found


def _alike(ordered: Sequence[Marked]) -> list[tuple[tuple[float, bool], Marked, Marked]]:
    pairs = []
    for place, one in enumerate(ordered):
        for other in ordered[place + 1 :]:
            if other.interval.start >= one.interval.end:
                break
            if one.by != other.by and _same_thing(one.interval, other.interval):
                differ = one.interval.label != other.interval.label
                pairs.append(((-iou(one.interval, other.interval), differ), one, other))
    return pairs


def _same_thing(one: Interval, other: Interval) -> bool:
    score = iou(one, other)
    return score > 0 if one.label == other.label else score >= SAME_THING_FROM


def _may_join(left: Sequence[Marked], right: Sequence[Marked]) -> bool:
    if {one.by for one in left} & {one.by for one in right}:
        return False
    return all(_same_thing(one.interval, other.interval) for one in left for other in right)


def _cover(intervals: Sequence[Interval]) -> dict[str, list[tuple[int, int]]]:
    """By label the stretches covered, in order and apart from each other."""
    found: dict[str, list[tuple[int, int]]] = {}
    for one in sorted(intervals):
        stretches = found.setdefault(one.label, [])
        if stretches and one.start <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], max(stretches[-1][1], one.end))
        else:
            stretches.append((one.start, one.end))
    return found


def _common(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> int:
    """Length covered by both, walking along the two at once."""
    length = left = right = 0
    while left < len(one) and right < len(other):
        length += max(0, min(one[left][1], other[right][1]) - max(one[left][0], other[right][0]))
        if one[left][1] <= other[right][1]:
            left += 1
        else:
            right += 1
    return length
