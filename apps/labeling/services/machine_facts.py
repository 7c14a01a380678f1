"""What is known of an order when its machine takes a step: read from the database, by place in the order of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.labeling import consensus
from apps.labeling.adaptive import decisive_choice
from apps.labeling.machine.items import OUT_OF_SCOPE_NAMES
from apps.labeling.machine.steps import Labels
from apps.labeling.machine_types import Reason
from apps.labeling.models import Annotation, AnnotatorStats, Assignment, MachineItem, MachineRun, Order, Task
from apps.labeling.selectors.orders import design_of
from apps.labeling.types import AssignmentState, MadeBy, TaskState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Facts:
    """An order at one moment.

    Attributes:
        control: name of the choice. classes: by number.
        tasks: ids by place; gold are the places of check questions.
        known: labels of people and of check questions, in the order of asking.
        decided: place -> class, of items that people have decided.
        free: places of which nobody was asked and nothing is said.
        waiting: how many items are asked for and not decided. working: annotators with a task in hand.
        gone: places of items that were taken out as unusable.
        audits: number -> places in the order of its sample.
    """

    order: Order
    run: MachineRun
    control: str
    classes: list[str]
    tasks: list[UUID]
    gold: set[int]
    known: Labels
    decided: dict[int, int]
    free: Integers
    waiting: int
    working: int
    gone: set[int]
    audits: dict[int, list[int]]
    offered: dict[int, tuple[int, float]]

    @property
    def never(self) -> Integers:
        """Classes that only people give: those for items out of scope."""
        import numpy as np

        names = [number for number, name in enumerate(self.classes) if name.strip().lower() in OUT_OF_SCOPE_NAMES]
        return np.array(names, dtype=np.int64)

    def prefix(self, number: int) -> tuple[list[int], list[bool]]:
        """The first places of an audit's sample that people have decided, and whether the machine was right."""
        places: list[int] = []
        right: list[bool] = []
        for place in self.audits[number]:
            if place in self.gone:
                continue
            if place not in self.decided:
                break
            places.append(place)
            right.append(self.decided[place] == self.offered[place][0])
        return places, right

    def population(self, number: int) -> list[int]:
        """The places that an audit stands for, in the order of its sample."""
        return [place for place in self.audits[number] if place not in self.gone]


def read_facts(order: Order, run: MachineRun) -> Facts:
    """Everything that a step depends on. The caller is in the requester's scope."""
    import numpy as np

    control = decisive_choice(design_of(order))
    number_of = {name: number for number, name in enumerate(control.names)}
    rows = list(
        Task.objects.filter(order=order)
        .order_by("position")
        .values_list("id", "state", "made_by", "gold", "result", "labels_done", "open_slots")
    )
    place_of = {row[0]: place for place, row in enumerate(rows)}
    held = set(Assignment.objects.filter(order=order, state=AssignmentState.LEASED).values_list("task_id", flat=True))
    items = {
        place_of[task_id]: (asked, reason, label, sure, audit, at)
        for task_id, asked, reason, label, sure, audit, at in MachineItem.objects.filter(order=order).values_list(
            "task_id", "asked", "reason", "label", "confidence", "audit", "place"
        )
    }
    gold = {place: number_of[row[3][control.name]] for place, row in enumerate(rows) if row[3] is not None}
    results = _results(order, control.name, control.names, rows, held)
    decided = {
        place_of[task_id]: number_of[label]
        for task_id, label in results.items()
        if label in number_of and place_of[task_id] not in gold
    }
    began = {
        place
        for place, row in enumerate(rows)
        if row[5] or row[0] in held or (place in items and items[place][0] is not None)
    }
    free = [
        place for place, row in enumerate(rows) if row[3] is None and row[1] == TaskState.OPEN and place not in began
    ]
    waiting = sum(
        1
        for place in began
        if place not in decided and place not in gold and rows[place][1] in (TaskState.OPEN, TaskState.COMPLETE)
    )
    audits: dict[int, list[tuple[int, int]]] = {}
    for place, (_, _, _, _, audit, at) in items.items():
        if audit is not None and at is not None:
            audits.setdefault(audit, []).append((at, place))
    return Facts(
        order=order,
        run=run,
        control=control.name,
        classes=control.names,
        tasks=[row[0] for row in rows],
        gold=set(gold),
        known=_known(decided, gold, {place: (one[0], one[1]) for place, one in items.items()}),
        decided=decided,
        free=np.array(free, dtype=np.int64),
        waiting=waiting,
        working=AnnotatorStats.objects.filter(
            order=order,
            annotator_id__in=Assignment.objects.filter(order=order, state=AssignmentState.LEASED).values(
                "annotator_id"
            ),
        ).count(),
        gone={place for place, row in enumerate(rows) if row[1] == TaskState.UNUSABLE},
        audits={number: [place for _, place in sorted(found)] for number, found in audits.items()},
        offered={place: (number_of[one[2]], one[3] or 0.0) for place, one in items.items() if one[2] in number_of},
    )


def _results(
    order: Order, control: str, classes: list[str], rows: Sequence[tuple[Any, ...]], held: set[UUID]
) -> dict[UUID, str]:
    """What people decided: settled items; in an order with a target, answered ones that want no other answer."""
    if order.target is None:
        return {
            task_id: result[control]
            for task_id, state, made_by, _, result, _, _ in rows
            if state == TaskState.SETTLED and made_by == MadeBy.HUMAN and result and control in result
        }
    answers = [
        consensus.Answer(str(task_id), str(annotator_id), label)
        for task_id, annotator_id, label in Annotation.objects.filter(order=order).values_list(
            "task_id", "annotator_id", f"answer__{control}"
        )
    ]
    if not answers:
        return {}
    known = {str(row[0]): row[3][control] for row in rows if row[3] is not None}
    found = consensus.aggregate(answers, classes, known).items
    return {
        task_id: found[str(task_id)].label
        for task_id, state, made_by, _, _, done, slots in rows
        if done and not (slots and state == TaskState.OPEN) and task_id not in held and made_by == MadeBy.HUMAN
    }


def _known(decided: dict[int, int], gold: dict[int, int], asked: dict[int, tuple[int | None, str]]) -> Labels:
    """Labels in the order of asking. Items that were answered before the machine began came in random order."""
    import numpy as np

    def order(place: int) -> tuple[int, int]:
        number = asked.get(place, (None, ""))[0]
        return (-1 if number is None else number, place)

    places = [*sorted(gold), *sorted(decided, key=order)]
    drawn = [place not in gold and asked.get(place, (None, ""))[1] != Reason.LEARN for place in places]
    labels = [gold[place] if place in gold else decided[place] for place in places]
    return Labels(np.array(places, dtype=np.int64), np.array(labels, dtype=np.int64), np.array(drawn, dtype=np.bool_))
