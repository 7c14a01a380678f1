"""What the answers to an item lead to, control by control."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from apps.labeling import consensus
from apps.labeling.consensus import Method, Record
from apps.labeling.controls import Control, ControlConsensus, GivenAnswer
from apps.labeling.controls.choice import Choice
from apps.labeling.controls.number import Number
from apps.labeling.controls.rating import Rating
from apps.labeling.design import Design, similarity
from apps.labeling.quality.agreement import by_class, interval_alpha, nominal_alpha, ordinal_alpha
from apps.labeling.types import Answer, TaskData

#: How the consensus of a control that is no choice was found: from each item's answers alone.
ITEM_BY_ITEM = "item_by_item"
#: Pairs of answers that are compared at most for an agreement figure.
MAX_PAIRS = 20_000


@dataclass(frozen=True, slots=True)
class Given:
    """One annotator's whole answer to one item."""

    item: str
    annotator: str
    answer: Answer


@dataclass(frozen=True)
class Outcome:
    """An item's result, and for each control the probability that it is right (also for those left out)."""

    result: Answer
    confidences: dict[str, float]

    @property
    def confidence(self) -> float:
        """That of the least certain control."""
        return min(self.confidences.values(), default=0.0)


@dataclass(frozen=True)
class OrderOutcome:
    """The outcome of every item with an answer or a known one; by control, how it was found."""

    items: dict[str, Outcome]
    methods: dict[str, str]


def known_outcome(design: Design, gold: Answer) -> Outcome:
    """A check question's: the known answer."""
    return Outcome(gold, {control.name: 1.0 for control in design.controls})


def item_outcome(design: Design, given: Sequence[Given], records: Mapping[str, Record], data: TaskData) -> Outcome:
    """What one item's answers lead to by themselves.

    Args:
        records: what check questions say about annotators.
    """
    found = {control.name: _of_item(control, given, records, data) for control in design.controls}
    return _outcome(found)


def order_outcome(
    design: Design,
    given: Sequence[Given],
    gold: Mapping[str, Answer],
    records: Mapping[str, Record],
    data: Mapping[str, TaskData],
) -> OrderOutcome:
    """What all answers of an order lead to: choices by a model of all annotators, all else item by item.

    Args:
        gold: known answers by item.
        data: the items' inputs; may be empty where every control is a choice.
    """
    by_item: dict[str, list[Given]] = defaultdict(list)
    for one in given:
        by_item[one.item].append(one)
    found: dict[str, dict[str, ControlConsensus]] = {item: {} for item in by_item}
    methods: dict[str, str] = {}
    for control in design.controls:
        if isinstance(control, Choice) and control.required:
            chosen, method = _choices_of_order(control, given, gold)
            methods[control.name] = method.value
            for item in by_item:
                found[item][control.name] = chosen[item]
            continue
        methods[control.name] = ITEM_BY_ITEM
        for item, answers in by_item.items():
            if item not in gold:
                found[item][control.name] = _of_item(control, answers, records, data[item])
    items = {item: _outcome(controls) for item, controls in found.items() if item not in gold}
    return OrderOutcome(items | {item: known_outcome(design, known) for item, known in gold.items()}, methods)


def agreement(design: Design, given: Sequence[Given]) -> dict[str, dict[str, Any]]:
    """By control, how alike the answers to the same item are.

    Mean similarity of pairs; for choices, ratings and numbers Krippendorff's alpha, at the level their values allow;
    for choices by class how probable another annotator says it where one does.
    """
    by_item: dict[str, list[Answer]] = defaultdict(list)
    for one in given:
        by_item[one.item].append(one.answer)
    answers = [by_item[item] for item in sorted(by_item)]
    return {control.name: _agreement_of(control, answers) for control in design.controls if control.agreement}


def _agreement_of(control: Control, answers: Sequence[Sequence[Answer]]) -> dict[str, Any]:
    units = [[answer[control.name] for answer in item if control.name in answer] for item in answers]
    found: dict[str, Any] = {}
    pairs = sum(len(unit) * (len(unit) - 1) // 2 for unit in units)
    chosen = list(islice(_pairs(units), 0, None, max(1, pairs // MAX_PAIRS)))
    if chosen:
        similar = [control.similarity(one, other) for one, other in chosen]
        found["mean_similarity"] = round(sum(similar) / len(similar), 4)
    level, alpha = _alpha(control, units)
    if alpha is not None:
        found |= {"krippendorff_alpha": round(alpha, 4), "level": level}
    shares = by_class(units) if isinstance(control, Choice) else {}
    if shares:
        found["by_class"] = {name: round(share, 4) for name, share in shares.items()}
    return found


def _pairs(units: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, Any]]:
    for unit in units:
        for place, one in enumerate(unit):
            for other in unit[:place]:
                yield one, other


def _alpha(control: Control, units: Sequence[Sequence[Any]]) -> tuple[str, float | None]:
    if isinstance(control, Choice):
        return "nominal", nominal_alpha(units)
    if isinstance(control, Rating):
        return "ordinal", ordinal_alpha(units)
    if isinstance(control, Number):
        return "interval", interval_alpha([[float(value) for value in unit] for unit in units])
    return "", None


def disagreement(design: Design, answers: Sequence[Answer]) -> float:
    """How far the answers to one item differ: 0 where all are the same, 1 where no two have anything in common."""
    pairs = [(one, other) for index, one in enumerate(answers) for other in answers[:index]]
    if not pairs:
        return 0.0
    alike = [
        similarity(control, one.get(control.name), other.get(control.name))
        for one, other in pairs
        for control in design.controls
        if control.agreement
    ]
    return round(1 - sum(alike) / len(alike), 4) if alike else 0.0


def _outcome(found: Mapping[str, ControlConsensus]) -> Outcome:
    result = {name: one.value for name, one in found.items() if one.value is not None}
    return Outcome(result, {name: one.confidence for name, one in found.items()})


def _of_item(
    control: Control, given: Sequence[Given], records: Mapping[str, Record], data: TaskData
) -> ControlConsensus:
    """A control's consensus; a question that most left open stays open."""
    answers = [
        GivenAnswer(one.annotator, one.answer[control.name], records.get(one.annotator, Record()).accuracy)
        for one in given
        if control.name in one.answer
    ]
    if len(answers) * 2 < len(given) or not answers:
        return ControlConsensus(None, 1 - len(answers) / max(1, len(given)))
    return control.consensus(answers, data)


def _choices_of_order(
    control: Choice, given: Sequence[Given], gold: Mapping[str, Answer]
) -> tuple[dict[str, ControlConsensus], Method]:
    known = {item: answer[control.name] for item, answer in gold.items() if control.name in answer}
    result = consensus.aggregate(_votes(control, given), control.names, known)
    found = {item: ControlConsensus(one.label, one.confidence) for item, one in result.items.items()}
    return found, result.method


def _votes(control: Control, given: Sequence[Given]) -> list[consensus.Answer]:
    return [
        consensus.Answer(one.item, one.annotator, one.answer[control.name])
        for one in given
        if control.name in one.answer
    ]
