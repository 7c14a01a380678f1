"""Rejected answers for the pages: one that is appealed and under review, one that can be."""

from __future__ import annotations

from apps.core import outbox
from apps.core.money import Money
from apps.labeling import services as labeling
from apps.labeling import uploads
from apps.labeling.selectors import work as work_facts
from apps.labeling.types import AnnotationState
from tests.browser.world import World


def appeals(world: World) -> None:
    """`person` misses two check questions and appeals one; `guest` has it to review."""
    rows = [{"text": f"Claim {n}: you won", "label": "spam", "gold": "yes"} for n in range(2)]
    with world.acting("team") as team:
        order = labeling.create_order(
            actor=team,
            title="Claims, every one checked",
            instruction="Is the message **spam**?",
            classes=["ham", "spam"],
            price=Money(6),
            redundancy=1,
            table=uploads.read_rows(rows),
        )
        labeling.launch_order(actor=team, order_id=order.id)
    with world.acting("person") as person:
        for task in labeling.lease_tasks(actor=person, order_id=order.id, count=2).tasks:
            labeling.submit_annotation(
                actor=person, assignment_id=task.assignment_id, answer={"label": "ham"}, elapsed_ms=1_200
            )
    outbox.drain()
    with world.acting("person") as person:
        mine = work_facts.my_annotations(person, AnnotationState.REJECTED).filter(order_id=order.id)
        appealed, other = mine.values_list("id", flat=True)
        labeling.file_appeal(
            actor=person, annotation_id=appealed, text="It announces a prize that the reader did take part in."
        )
    with world.acting("guest") as guest:
        assert labeling.take_review(actor=guest) is not None
    world.ids |= {"answer_appealed": appealed, "answer_rejected": other, "order_appealed": order.id}
