"""An order in which `guest` pressed one key as fast as possible, for the pages of review cases."""

from __future__ import annotations

from apps.core.money import Money
from apps.labeling import services as labeling
from apps.labeling import uploads
from apps.labeling.case_models import ReviewCase
from tests.browser.world import World

CAREFUL = ("person", "newcomer", "trader", "staff")


def cases(world: World) -> None:
    """`guest` has two cases; the others answered with care."""
    with world.acting("team") as team:
        order = labeling.create_order(
            actor=team,
            title="Offers, by five people",
            instruction="Is the message **spam**?",
            classes=["ham", "spam"],
            price=Money(3),
            redundancy=6,
            table=uploads.read_rows([{"text": f"Offer {n}"} for n in range(32)]),
        )
        labeling.launch_order(actor=team, order_id=order.id)
    for name in (*CAREFUL, "guest"):
        with world.acting(name) as annotator:
            for task in labeling.lease_tasks(actor=annotator, order_id=order.id, count=32).tasks:
                even = int(task.data["text"].split()[-1]) % 2 == 0
                labeling.submit_annotation(
                    actor=annotator,
                    assignment_id=task.assignment_id,
                    answer={"label": "ham" if even or name == "guest" else "spam"},
                    elapsed_ms=280 if name == "guest" else 3_400,
                )
    assert labeling.watch_order(tenant_id=order.tenant_id, order_id=order.id) == 2
    with world.acting("team"):
        case = ReviewCase.objects.filter(order=order, kind="speed").get()
    world.ids |= {"order_watched": order.id, "case": case.id}
