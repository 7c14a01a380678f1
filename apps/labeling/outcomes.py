"""What the answers to an item lead to, control by control."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.labeling import consensus
from apps.labeling.consensus import Method, Record, krippendorff_alpha
from apps.labeling.controls import Control, ControlConsensus, GivenAnswer
from apps.labeling.controls.choice import Choice
from apps.labeling.design import Design
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


def agreement(design: Design, given: Sequence[Given]) -> dict[str, dict[str, float]]:
    """By control, how alike the answers to the same item are: mean similarity of pairs; for choices also alpha."""
    by_item: dict[str, list[Given]] = defaultdict(list)
    for one in given:
        by_item[one.item].append(one)
    pairs = [
        (one, other)
        for _, answers in sorted(by_item.items())
        for index, one in enumerate(answers)
        for other in answers[:index]
    ]
    step = max(1, len(pairs) // MAX_PAIRS)
    figures: dict[str, dict[str, float]] = {}
    for control in design.controls:
        if not control.agreement:
            continue
        found = [
            control.similarity(one.answer[control.name], other.answer[control.name])
            for one, other in pairs[::step]
            if control.name in one.answer and control.name in other.answer
        ]
        figures[control.name] = {"mean_similarity": round(sum(found) / len(found), 4)} if found else {}
        alpha = krippendorff_alpha(_votes(control, given)) if isinstance(control, Choice) else None
        if alpha is not None:
            figures[control.name]["krippendorff_alpha"] = round(alpha, 4)
    return figures


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
