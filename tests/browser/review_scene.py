"""Items with spans on which two annotators differ, for the pages of review; `person` has the reviewer's skill."""

from __future__ import annotations

from apps.core import outbox
from apps.core.money import Money
from apps.labeling import services as labeling
from apps.labeling import uploads
from apps.labeling.design import Design
from apps.labeling.models import Task
from tests.browser.world import World

DESIGN = {
    "inputs": [{"name": "text", "type": "text", "title": "The message"}],
    "controls": [
        {"type": "spans", "name": "names", "input": "text", "title": "Mark the names", "classes": ["person", "place"]},
        {"type": "choice", "name": "tone", "input": "text", "title": "Its tone", "classes": ["kind", "rude"]},
    ],
}


def reviews(world: World) -> None:
    """`trader` and `newcomer` differ on two items; the team has put one of them off to annotators with the skill."""
    rows = [{"text": f"Amara wrote to Jonas from Lagos on day {n}."} for n in range(2)]
    with world.acting("team") as team:
        order = labeling.create_order(
            actor=team,
            title="Names and tone",
            instruction="Mark **names** of people and places.",
            design=DESIGN,
            price=Money(5),
            redundancy=2,
            table=uploads.read_rows(rows, design=Design.from_json(DESIGN)),
        )
        labeling.set_reviews(
            actor=team,
            order_id=order.id,
            adjudication=True,
            skill_id=world.ids["skill"],
            price=Money(8),
            reviews=5,
        )
        labeling.launch_order(actor=team, order_id=order.id)
    for name, end, tone in (("trader", 5, "kind"), ("newcomer", 11, "rude")):
        with world.acting(name) as annotator:
            for task in labeling.lease_tasks(actor=annotator, order_id=order.id, count=2).tasks:
                marked = {"spans": [{"start": 0, "end": end, "label": "person"}], "relations": []}
                answer = {"names": marked, "tone": tone}
                labeling.submit_annotation(
                    actor=annotator, assignment_id=task.assignment_id, answer=answer, elapsed_ms=6_000
                )
    outbox.drain()
    with world.acting("team"):
        world.ids["item_disputed"] = Task.objects.filter(order=order, disagreement__gt=0).order_by("row")[0].id
    world.ids["order_disputed"] = order.id
