"""Marking parts of a text, and relations between the marked parts."""

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
from apps.labeling.controls.intervals import Interval, Marked, clusters, covered_f1, first_overlap, iou, matches
from apps.labeling.controls.marks import Found, expected_f1, found_in, nothing_there
from apps.labeling.controls.votes import Decided, decide
from apps.labeling.types import LabelClass

MAX_SPANS = 1_000
MAX_RELATIONS = 2_000
SHOWN_SPANS = 3
#: How many boundaries would be wrong, for the vote between those that annotators set.
WRONG_BOUNDARIES = 5


@dataclass(frozen=True, order=True)
class _Relation:
    source: int
    target: int
    label: str

    def as_json(self) -> dict[str, Any]:
        return {"from": self.source, "to": self.target, "label": self.label}


@control_type
@dataclass(frozen=True, kw_only=True)
class Spans(Control):
    """Value: `{"spans": [{"start", "end", "label"}], "relations": [{"from", "to", "label"}]}`.

    Offsets count Unicode code points, `end` is exclusive. Spans are in order of the text and have no white space at
    their ends; relations name their spans by place in that order. No spans are an answer too: nothing to mark.

    Similarity is the F1 of the labelled characters; where either answer has relations, its mean with the F1 of the
    relations, which match when their labels do and both ends are spans of one label that overlap by half.

    Args:
        classes: what a span can be.
        relation_classes: what a relation can be; none: relations are not asked for.
        overlap: whether spans may overlap.
    """

    type: ClassVar[str] = "spans"
    inputs: ClassVar[frozenset[str]] = frozenset({"text"})
    same_from: ClassVar[float] = 0.8

    classes: tuple[LabelClass, ...]
    relation_classes: tuple[LabelClass, ...] = ()
    overlap: bool = False

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        """From a design's JSON."""
        if not isinstance(config.get("overlap", False), bool):
            raise AnswerProblem("“overlap” is true or false.", "overlap")
        return cls(
            **common_from_json(config),
            classes=classes_from_json(config),
            relation_classes=_relation_classes(config),
            overlap=config.get("overlap", False),
        )

    def as_json(self) -> dict[str, Any]:
        """The design's JSON."""
        return super().as_json() | {
            "classes": [one.as_json() for one in self.classes],
            "relation_classes": [one.as_json() for one in self.relation_classes],
            "overlap": self.overlap,
        }

    def is_empty(self, value: Value) -> bool:
        """Only where there is no value: a text can have nothing to mark."""
        return value is None

    @property
    def described(self) -> str:
        """For the task board."""
        return f"parts of the text, {len(self.classes)} labels"

    def clean(self, value: Value, data: Mapping[str, Any]) -> Value:
        """Spans within the text, trimmed, in order, no two the same; relations between them."""
        if not isinstance(value, Mapping):
            raise AnswerProblem("Spans come as {“spans”: […], “relations”: […]}.")
        text = str(data.get(self.input, ""))
        given = _listed(value, "spans", MAX_SPANS)
        relations = _listed(value, "relations", MAX_RELATIONS)
        spans = [self._span(one, number, text) for number, one in enumerate(given, start=1)]
        if not self.overlap and (pair := first_overlap(list(dict.fromkeys(spans)))):
            self._refuse_overlap(list(dict.fromkeys(spans)), pair, text)
        ordered = sorted(set(spans))
        place = {span: index for index, span in enumerate(ordered)}
        places = [place[span] for span in spans]
        found = {self._relation(one, number, places) for number, one in enumerate(relations, start=1)}
        return _as_json(ordered, sorted(found))

    def similarity(self, one: Value, other: Value) -> float:
        """F1 of labelled characters, and of relations where there are some."""
        if one is None or other is None:
            return float(one == other)
        mine, theirs = _spans(one), _spans(other)
        characters = covered_f1(mine, theirs)
        count = len(one["relations"]) + len(other["relations"])
        if not count:
            return characters
        same = dict(matches(mine, theirs, least=0.5))
        moved = {(same.get(rel.source), same.get(rel.target), rel.label) for rel in _relations(one)}
        shared = sum((rel.source, rel.target, rel.label) in moved for rel in _relations(other))
        return (characters + 2 * shared / count) / 2

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """Spans that overlap are one thing; its label, its boundaries and its being there are voted on, then relations.

        The confidence is the expected F1 of spans and relations.
        """
        given = sorted(
            ((_spans(one.value), _relations(one.value), one.accuracy) for one in answers if one.value is not None),
            key=lambda one: (one[0], one[1], one[2]),
        )
        if not given:
            return ControlConsensus(None, 0.0)
        accuracies = [accuracy for _, _, accuracy in given]
        marked = [Marked(span, by, index) for by, (spans, _, _) in enumerate(given) for index, span in enumerate(spans)]
        found = [found_in(group, accuracies, len(self.classes), _voted_bounds) for group in clusters(marked)]
        if not found:
            return ControlConsensus(_as_json([], []), nothing_there(accuracies))
        kept = self._kept(found)
        ordered = sorted(kept, key=lambda one: one.interval)
        related = self._related(ordered, given)
        relations = [relation for relation, decided in related if decided.option]
        sure = [decided.probability for _, decided in related if decided.option]
        unsure = [1 - decided.probability for _, decided in related if not decided.option]
        return ControlConsensus(
            _as_json([one.interval for one in ordered], relations),
            expected_f1(
                [*(one.probability for one in kept), *sure], [*(one.probability for one in found), *sure, *unsure]
            ),
        )

    def shown(self, value: Value) -> str:
        """The first spans, and how many there are."""
        if value is None:
            return "no answer"
        spans = [f"{one['label']} {one['start']}-{one['end']}" for one in value["spans"][:SHOWN_SPANS]]
        more = len(value["spans"]) - len(spans)
        parts = [*spans, *([f"{more} more"] if more > 0 else [])] or ["nothing marked"]
        count = len(value["relations"])
        return ", ".join(parts) + (f"; {count} relation{'s' if count > 1 else ''}" if count else "")

    def _span(self, given: Any, number: int, text: str) -> Interval:
        field = f"spans.{number - 1}"
        if not isinstance(given, Mapping):
            raise AnswerProblem(f"Span {number} comes as {{“start”, “end”, “label”}}.", field)
        start, end, label = given.get("start"), given.get("end"), given.get("label")
        if type(start) is not int or type(end) is not int:
            raise AnswerProblem(f"Span {number}: give “start” and “end” as whole numbers of characters.", field)
        if not 0 <= start < end <= len(text):
            raise AnswerProblem(
                f"Span {number} goes from {start} to {end}; the text has the characters 0 to {len(text)}, and a span "
                "has at least one of them. Mark it again.",
                field,
            )
        if label not in [one.name for one in self.classes]:
            known = ", ".join(one.name for one in self.classes)
            raise AnswerProblem(f"Span {number} has the label “{label}”; choose one of {known}.", field)
        part = text[start:end]
        if part.isspace():
            raise AnswerProblem(f"Span {number} has only white space; mark a word, or leave it out.", field)
        return Interval(start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip()), label)

    @staticmethod
    def _refuse_overlap(spans: Sequence[Interval], pair: tuple[int, int], text: str) -> None:
        first, second = (spans[index] for index in pair)
        raise AnswerProblem(
            f"“{_quoted(text, second)}” ({second.start} to {second.end}) overlaps “{_quoted(text, first)}” "
            f"({first.start} to {first.end}); remove one of them, or mark less.",
            f"spans.{pair[1]}",
        )

    def _relation(self, given: Any, number: int, places: Sequence[int]) -> _Relation:
        field = f"relations.{number - 1}"
        if not isinstance(given, Mapping):
            raise AnswerProblem(f"Relation {number} comes as {{“from”, “to”, “label”}}.", field)
        if given.get("label") not in [one.name for one in self.relation_classes]:
            known = ", ".join(one.name for one in self.relation_classes) or "none are asked for"
            raise AnswerProblem(
                f"Relation {number} has the label “{given.get('label')}”; choose one of: {known}.", field
            )
        source, target = (_place(given.get(end), number, places, field) for end in ("from", "to"))
        if source == target:
            raise AnswerProblem(f"Relation {number} leads from a span to itself; choose two spans.", field)
        return _Relation(source, target, given["label"])

    def _kept(self, found: Sequence[Found]) -> list[Found]:
        """What is more likely there than not; of two that may not overlap, the surer one."""
        kept: list[Found] = []
        for one in sorted(found, key=lambda one: (-round(one.probability, 9), one.interval)):
            clashes = any(
                iou(one.interval, other.interval) > 0 and (not self.overlap or one.interval == other.interval)
                for other in kept
            )
            if one.is_there and not clashes:
                kept.append(one)
        return kept

    @staticmethod
    def _related(
        spans: Sequence[Found], given: Sequence[tuple[list[Interval], list[_Relation], float]]
    ) -> list[tuple[_Relation, Decided[bool]]]:
        """Of each relation that anybody has whether it holds, by those who marked both of its spans."""
        place = {(member.by, member.index): index for index, one in enumerate(spans) for member in one.members}
        has = [{index for (voter, _), index in place.items() if voter == by} for by in range(len(given))]
        drawn = [
            {
                _Relation(place[by, rel.source], place[by, rel.target], rel.label)
                for rel in relations
                if (by, rel.source) in place and (by, rel.target) in place
            }
            for by, (_, relations, _) in enumerate(given)
        ]
        decisions = []
        for relation in sorted(set().union(*drawn)):
            votes = [
                (relation in drawn[by], accuracy)
                for by, (_, _, accuracy) in enumerate(given)
                if {relation.source, relation.target} <= has[by]
            ]
            decisions.append((relation, decide(votes, wrong_options=1)))
        return decisions


def _voted_bounds(members: Sequence[tuple[Interval, float]]) -> tuple[int, int]:
    """Start and end that most of the weight sets; of equal ones those that mark more."""
    start = decide([(one.start, accuracy) for one, accuracy in members], wrong_options=WRONG_BOUNDARIES).option
    end = decide(
        [(one.end, accuracy) for one, accuracy in members], wrong_options=WRONG_BOUNDARIES, order=lambda end: -end
    ).option
    return start, end


def _place(end: Any, number: int, places: Sequence[int], field: str) -> int:
    if type(end) is not int or not 0 <= end < len(places):
        raise AnswerProblem(
            f"Relation {number} names span {end}; name spans by their place, 0 to {len(places) - 1}.", field
        )
    return places[end]


def _relation_classes(config: Mapping[str, Any]) -> tuple[LabelClass, ...]:
    if not config.get("relation_classes"):
        return ()
    try:
        return classes_from_json({"classes": config["relation_classes"]})
    except AnswerProblem as error:
        raise AnswerProblem(f"Relations: {error.message}", "relation_classes") from None


def _listed(value: Mapping[str, Any], key: str, most: int) -> list[Any]:
    given = value.get(key, [])
    if not isinstance(given, list) or len(given) > most:
        raise AnswerProblem(f"“{key}” is a list of at most {most:,}.", key)
    return given


def _spans(value: Value) -> list[Interval]:
    return [Interval(one["start"], one["end"], one["label"]) for one in value["spans"]]


def _relations(value: Value) -> list[_Relation]:
    return [_Relation(one["from"], one["to"], one["label"]) for one in value["relations"]]


def _as_json(spans: Sequence[Interval], relations: Sequence[_Relation]) -> dict[str, Any]:
    return {
        "spans": [{"start": one.start, "end": one.end, "label": one.label} for one in spans],
        "relations": [one.as_json() for one in relations],
    }


def _quoted(text: str, span: Interval) -> str:
    part = text[span.start : span.end]
    return part if len(part) <= 40 else f"{part[:39]}…"
