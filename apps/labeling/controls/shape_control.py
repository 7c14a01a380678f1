"""What boxes, polygons and keypoints have in common as questions: classes, limits, agreement, consensus."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from apps.labeling.controls.base import (
    AnswerProblem,
    Control,
    ControlConsensus,
    GivenAnswer,
    Value,
    common_from_json,
)
from apps.labeling.controls.classes import classes_from_json
from apps.labeling.controls.shapes import (
    Drawn,
    Found,
    Number,
    best_matches,
    clusters,
    confidence,
    exactness,
    judge,
    only_namesakes,
    quality,
    weight_of,
)
from apps.labeling.types import LabelClass

if TYPE_CHECKING:
    from apps.labeling.controls.shapes import Closeness

MAX_SHAPES = 500
#: A shape drawn beyond the image by less than this is cut off at its edge; a hand is not more exact.
EDGE_SLACK_PX = 0.5
#: Keys of the editors themselves: a new shape, the next and the previous one, corners, zoom.
EDITOR_KEYS = frozenset("n.,[]+-0 ")

Size = tuple[int | None, int | None]


@dataclass(frozen=True, kw_only=True)
class ShapeControl(Control):
    """Shapes on an image, each with a label. An empty list is an answer: there is nothing of the kind.

    Args:
        classes: the labels to choose from.
        least: fewest shapes an answer may have.
        most: most shapes an answer may have.
    """

    inputs: ClassVar[frozenset[str]] = frozenset({"image"})
    same_from: ClassVar[float] = 0.5
    #: One shape in words, and the keys of its JSON.
    noun: ClassVar[str]
    nouns: ClassVar[str]
    keys: ClassVar[frozenset[str]]

    classes: tuple[LabelClass, ...]
    least: int = 0
    most: int = MAX_SHAPES

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        """A control from a design's JSON. Raises AnswerProblem."""
        classes = _without_editor_keys(classes_from_json(config))
        least, most = _count(config, "least", 0), _count(config, "most", MAX_SHAPES)
        if least > most or most < 1:
            raise AnswerProblem(f"At least {least} and at most {most} {cls.nouns} cannot both hold.", "most")
        return cls(
            **common_from_json(config),
            classes=classes,
            least=least,
            most=most,
            **cls.more_from_json(config),
        )

    @classmethod
    def more_from_json(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """What one type has of its own. Raises AnswerProblem."""
        return {}

    def as_json(self) -> dict[str, Any]:
        """The design's JSON of it."""
        shown = [one.as_json() for one in self.classes]
        return {**super().as_json(), "classes": shown, "least": self.least, "most": self.most}

    def is_empty(self, value: Value) -> bool:
        """Whether nothing was said; an empty list says that nothing is there."""
        return value is None

    def clean(self, value: Value, data: Mapping[str, Any]) -> Value:
        """Shapes within the image, rounded to 0.01 px, sorted, each once. Raises AnswerProblem."""
        size = image_size(data, self.input)
        names = [one.name for one in self.classes]
        cleaned: list[dict[str, Any]] = []
        for index, one in enumerate(self._listed(value)):
            what = f"{self.noun.capitalize()} {index + 1}"
            shape = {**self.cleaned(one, what, size), "label": checked_label(one["label"], names, what)}
            if shape not in cleaned:
                cleaned.append(shape)
        if not self.least <= len(cleaned) <= self.most:
            raise AnswerProblem(f"Draw {self._how_many()}; there are {len(cleaned)}.")
        return self._sorted(cleaned)

    def similarity(self, one: Value, other: Value) -> float:
        """F1 of the shapes that match in place and label, times how well they fit."""
        scale = self.scale([*one, *other], {})
        first, second = self._drawn("", 1.0, one), self._drawn("", 1.0, other)
        close = only_namesakes(self.closeness(first, second, scale), first, second)
        return quality(close, best_matches(close))

    def consensus(self, answers: Sequence[GivenAnswer], data: Mapping[str, Any]) -> ControlConsensus:
        """The objects that at least half of the annotators found, weighed by their accuracy.

        The confidence is the mean of how sure each decision is: for a shape that stays the least of its being there and
        its label, less where its drawings lie apart; for one that does not, the probability that it is none.
        """
        scale = self.scale([shape for answer in answers for shape in answer.value], data)
        total = math.fsum(weight_of(answer.accuracy) for answer in answers)
        shapes = [
            shape
            for index, answer in enumerate(answers)
            for shape in self._drawn(f"{answer.annotator}/{index}", weight_of(answer.accuracy), answer.value)
        ]
        found, left_out = judge(
            clusters(shapes, lambda one, other: self.closeness(one, other, scale)), total, len(self.classes)
        )
        decisions, value = list(left_out), []
        for one in found:
            geometry = self.merged(one)
            value.append({**self.shape_json(geometry), "label": one.label})
            close = self.closeness(one.members, [Drawn("", 1.0, one.label, geometry)], scale)
            fits = math.fsum(
                member.weight * float(close[index, 0]) for index, member in enumerate(one.members)
            ) / math.fsum(member.weight for member in one.members)
            decisions.append(min(one.presence, one.label_confidence) * exactness(fits))
        return ControlConsensus(self._sorted(value), confidence(sorted(decisions), total))

    def shown(self, value: Value) -> str:
        """How many of each label, as "3 cat, 1 dog"."""
        counts: dict[str, int] = {}
        for one in value or []:
            counts[one["label"]] = counts.get(one["label"], 0) + 1
        return ", ".join(f"{count} {label}" for label, count in sorted(counts.items())) or f"no {self.nouns}"

    @property
    def described(self) -> str:
        """The question in a few words, for the task board."""
        return f"{self.nouns} with {len(self.classes)} labels" if len(self.classes) > 1 else self.nouns

    # What each type of shape defines.

    @abstractmethod
    def cleaned(self, one: Mapping[str, Any], what: str, size: Size) -> dict[str, Any]:
        """One shape's JSON in canonical form, without its label. Raises AnswerProblem, beginning with `what`."""

    @abstractmethod
    def geometry(self, one: Mapping[str, Any]) -> tuple[Any, ...]:
        """A cleaned shape as a tuple; tuples are in the order of the canonical list."""

    @abstractmethod
    def shape_json(self, geometry: tuple[Any, ...]) -> dict[str, Any]:
        """The JSON of a geometry, without a label."""

    @abstractmethod
    def closeness(self, one: Sequence[Drawn], other: Sequence[Drawn], scale: float) -> Closeness:
        """How close each shape of one list is to each of the other, whatever their labels."""

    @abstractmethod
    def merged(self, found: Found) -> tuple[Any, ...]:
        """The geometry that stands for a cluster."""

    def scale(self, shapes: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> float:
        """What closeness is relative to, for types that need it."""
        return 1.0

    # Parts

    def _listed(self, value: Value) -> list[Mapping[str, Any]]:
        if not isinstance(value, list | tuple):
            raise AnswerProblem(f"Send a list of {self.nouns}, [] where there are none.")
        if len(value) > MAX_SHAPES:
            raise AnswerProblem(f"At most {MAX_SHAPES} {self.nouns} an image; there are {len(value)}.")
        for index, one in enumerate(value):
            what = f"{self.noun.capitalize()} {index + 1}"
            if not isinstance(one, Mapping):
                raise AnswerProblem(f"{what} is not an object with {_in_words(self.keys)}.", str(index))
            missing, unknown = self.keys - set(one), sorted(str(key) for key in set(one) - self.keys)
            if missing:
                raise AnswerProblem(f"{what} lacks {_in_words(missing)}.", str(index))
            if unknown:
                raise AnswerProblem(f"{what} has “{unknown[0][:80]}”, which {self.nouns} do not have.", str(index))
        return list(value)

    def _how_many(self) -> str:
        if self.least == self.most:
            return f"{self.least} {self.noun if self.least == 1 else self.nouns}"
        return f"{self.least} to {self.most} {self.nouns}"

    def _drawn(self, annotator: str, weight: float, value: Value) -> list[Drawn]:
        return [Drawn(annotator, weight, str(one["label"]), self.geometry(one)) for one in value]

    def _sorted(self, shapes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(shapes, key=lambda one: (self.geometry(one), one["label"]))


def number(value: Any, what: str, key: str) -> Number:
    """A coordinate rounded to 0.01 px, whole numbers as integers. Raises AnswerProblem."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise AnswerProblem(f"{what} needs a number of pixels as {key}.", key)
    rounded = round(float(value), 2)
    return int(rounded) if rounded.is_integer() else rounded


def within(value: Number, limit: int | None, what: str, side: str) -> Number:
    """The coordinate, moved onto the image's edge when just beyond it. Raises AnswerProblem when it is farther out."""
    if value < -EDGE_SLACK_PX:
        raise AnswerProblem(f"{what} reaches beyond the image ({'left' if side == 'width' else 'top'} edge at 0).")
    if limit is not None and value > limit + EDGE_SLACK_PX:
        raise AnswerProblem(f"{what} reaches beyond the image ({side} {limit}).")
    return max(0, value) if limit is None else max(0, min(value, limit))


def image_size(data: Mapping[str, Any], name: str) -> Size:
    """Width and height of the image in a task's data, as far as they are known."""
    media = data.get(name)
    if not isinstance(media, Mapping):
        return None, None
    width, height = media.get("width"), media.get("height")
    return (
        width if isinstance(width, int) and width > 0 else None,
        height if isinstance(height, int) and height > 0 else None,
    )


def checked_label(label: Any, names: Sequence[str], what: str) -> str:
    """The label if it is one of the classes. Raises AnswerProblem."""
    if label not in names:
        raise AnswerProblem(f"{what} has the label “{str(label)[:80]}”; there are {', '.join(names)}.", "label")
    return str(label)


def _in_words(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys))


def _count(config: Mapping[str, Any], key: str, otherwise: int) -> int:
    value = config.get(key, otherwise)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SHAPES:
        raise AnswerProblem(f"Give a whole number from 0 to {MAX_SHAPES} as {key}.", key)
    return value


def _without_editor_keys(classes: Sequence[LabelClass]) -> tuple[LabelClass, ...]:
    """The classes; keys that the editors themselves use pick none of them."""
    return tuple(LabelClass(one.name, "" if one.key in EDITOR_KEYS else one.key) for one in classes)
