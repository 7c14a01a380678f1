"""Marking stretches of time in sound or video, each with a label and, where asked for, with text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from apps.labeling.controls.base import (
    AnswerProblem,
    Control,
    ControlConsensus,
    GivenAnswer,
    Value,
    common_from_json,
    control_type,
)
from apps.labeling.controls.classes import classes_from_json
from apps.labeling.controls.intervals import Interval, Marked, clusters, first_overlap, iou, matches
from apps.labeling.controls.marks import Found, expected_f1, found_in, nothing_there
from apps.labeling.controls.votes import weighted_median
from apps.labeling.controls.voting import within
from apps.labeling.controls.words import check_text, normalised, rover, word_similarity
from apps.labeling.types import LabelClass

MAX_REGIONS = 1_000
MOST_CHARACTERS = 5_000
#: A browser's decoder and ours measure a file's length a little differently.
DURATION_SLACK_MS = 250
#: Regions of one label that overlap this far are the same region.
SAME_REGION_FROM = 0.5
SHOWN_REGIONS = 3


@control_type
@dataclass(frozen=True, kw_only=True)
class Regions(Control):
    """Value: `[{"start_ms", "end_ms", "label", "text"}]` in order of time; `text` only where it is asked for and given.

    No regions are an answer too. Similarity is the F1 of regions with one label that overlap by half or more, each
    pair counted with its texts' similarity.

    Args:
        classes: what a region can be.
        text: whether each region takes text, what is said or seen in it.
        overlap: whether regions may overlap, as speakers do.
    """

    type: ClassVar[str] = "regions"
    inputs: ClassVar[frozenset[str]] = frozenset({"audio", "video"})
    same_from: ClassVar[float] = 0.8

    classes: tuple[LabelClass, ...]
    text: bool = False
    overlap: bool = True

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        """From a design's JSON."""
        text, overlap = config.get("text", False), config.get("overlap", True)
        for key, given in (("text", text), ("overlap", overlap)):
            if not isinstance(given, bool):
                raise AnswerProblem(f"“{key}” is true or false.", key)
        return cls(**common_from_json(config), classes=classes_from_json(config), text=text, overlap=overlap)

    def as_json(self) -> dict[str, Any]:
        """The design's JSON."""
        classes = [one.as_json() for one in self.classes]
        return super().as_json() | {"classes": classes, "text": self.text, "overlap": self.overlap}

    def is_empty(self, value: Value) -> bool:
        """Only where there is no value: a recording can have nothing to mark."""
        return value is None

    @property
    def described(self) -> str:
        """For the task board."""
        return f"stretches of time, {len(self.classes)} labels"

    def clean(self, value: Value, data: Mapping[str, Any]) -> Value:
        """Regions within the recording, in order, no two the same."""
        if not isinstance(value, list) or len(value) > MAX_REGIONS:
            raise AnswerProblem(f"Regions come as a list of at most {MAX_REGIONS:,}.")
        media = data.get(self.input)
        duration = media.get("duration_ms") if isinstance(media, Mapping) else None
        found = {self._region(one, number, duration) for number, one in enumerate(value, start=1)}
        regions = sorted(found)
        if not self.overlap and (pair := first_overlap([interval for interval, _ in regions])):
            first, second = (regions[index][0] for index in pair)
            raise AnswerProblem(
                f"The region {_times(second)} overlaps the region {_times(first)}; shorten or remove one of them.",
                str(pair[1]),
            )
        return [_as_json(interval, text) for interval, text in regions]

    def similarity(self, one: Value, other: Value) -> float:
        """F1 of matching regions."""
        if not one or not other:
            return float(one == other)
        mine, theirs = _intervals(one), _intervals(other)
        alike = [
            word_similarity(one[left].get("text", ""), other[right].get("text", ""))
            for left, right in matches(mine, theirs, least=SAME_REGION_FROM)
        ]
        return 2 * sum(sorted(alike)) / (len(mine) + len(theirs))

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """Regions that overlap are one: its label and being there by vote, its bounds by medians, its text by ROVER.

        The confidence is the expected F1.
        """
        given = sorted(
            (
                (_intervals(one.value), [region.get("text", "") for region in one.value], one.accuracy)
                for one in answers
                if one.value is not None
            ),
        )
        if not given:
            return ControlConsensus(None, 0.0)
        accuracies = [accuracy for _, _, accuracy in given]
        marked = [
            Marked(interval, by, index)
            for by, (found, _, _) in enumerate(given)
            for index, interval in enumerate(found)
        ]
        found = [found_in(group, accuracies, len(self.classes), _median_bounds) for group in clusters(marked)]
        if not found:
            return ControlConsensus([], nothing_there(accuracies))
        kept = self._kept(found)
        value, sure = [], []
        for one in sorted(kept, key=lambda one: one.interval):
            text, share = self._text(one, given)
            value.append(_as_json(one.interval, text))
            sure.append(one.probability * share)
        return ControlConsensus(value, expected_f1(sure, [one.probability for one in found]))

    def shown(self, value: Value) -> str:
        """The first regions, and how many there are."""
        if value is None:
            return "no answer"
        regions = [f"{one['label']} {_times(Interval(one['start_ms'], one['end_ms'], ''))}" for one in value]
        more = [f"{len(regions) - SHOWN_REGIONS} more"] if len(regions) > SHOWN_REGIONS else []
        return ", ".join([*regions[:SHOWN_REGIONS], *more]) or "nothing marked"

    def _region(self, given: Any, number: int, duration: int | None) -> tuple[Interval, str]:
        field = str(number - 1)
        if not isinstance(given, Mapping):
            raise AnswerProblem(f"Region {number} comes as {{“start_ms”, “end_ms”, “label”}}.", field)
        start, end, label = given.get("start_ms"), given.get("end_ms"), given.get("label")
        if type(start) is not int or type(end) is not int:
            raise AnswerProblem(f"Region {number}: give “start_ms” and “end_ms” as whole milliseconds.", field)
        if duration is not None and duration < end <= duration + DURATION_SLACK_MS:
            end = duration
        if not 0 <= start < end:
            raise AnswerProblem(
                f"Region {number} goes from {start} to {end} ms; it starts at 0 or later and ends after its start.",
                field,
            )
        if duration is not None and end > duration:
            raise AnswerProblem(
                f"Region {number} ends at {end} ms, after the recording ({duration} ms); set its end again.", field
            )
        if label not in [one.name for one in self.classes]:
            known = ", ".join(one.name for one in self.classes)
            raise AnswerProblem(f"Region {number} has the label “{label}”; choose one of {known}.", field)
        return Interval(start, end, label), self._given_text(given, number, field)

    def _given_text(self, given: Mapping[str, Any], number: int, field: str) -> str:
        text = given.get("text", "")
        if text and not self.text:
            raise AnswerProblem(f"Region {number} has text, which is not asked for; leave it out.", f"{field}.text")
        return normalised(check_text(text, f"The text of region {number}", MOST_CHARACTERS, f"{field}.text"))

    def _kept(self, found: Sequence[Found]) -> list[Found]:
        kept: list[Found] = []
        for one in sorted(found, key=lambda one: (-round(one.probability, 9), one.interval)):
            most = 1.0 if self.overlap else 0.0
            if one.is_there and not any(
                iou(one.interval, other.interval) > most or one.interval == other.interval for other in kept
            ):
                kept.append(one)
        return kept

    def _text(self, found: Found, given: Sequence[tuple[list[Interval], list[str], float]]) -> tuple[str, float]:
        if not self.text:
            return "", 1.0
        return rover([(given[one.by][1][one.index], given[one.by][2]) for one in found.members])


def _median_bounds(members: Sequence[tuple[Interval, float]]) -> tuple[int, int]:
    return (
        weighted_median((one.start, within(accuracy)) for one, accuracy in members),
        weighted_median((one.end, within(accuracy)) for one, accuracy in members),
    )


def _intervals(value: Sequence[Mapping[str, Any]]) -> list[Interval]:
    return [Interval(one["start_ms"], one["end_ms"], one["label"]) for one in value]


def _as_json(interval: Interval, text: str) -> dict[str, Any]:
    region = {"start_ms": interval.start, "end_ms": interval.end, "label": interval.label}
    return region | ({"text": text} if text else {})


def _times(interval: Interval) -> str:
    return f"{interval.start / 1000:.2f} to {interval.end / 1000:.2f} s"
