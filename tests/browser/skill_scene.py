"""A skill that `person` has, and an order that asks for it, for the pages."""

from __future__ import annotations

from apps.core import outbox
from apps.core.money import Money
from apps.labeling import services as labeling
from apps.labeling import uploads
from tests.browser.world import World


def skills(world: World) -> None:
    """`person` took the test and passed; the order also wants a language and a level."""
    rows = [{"text": f"Claim {n}: you won a prize", "label": "spam"} for n in range(5)]
    with world.acting("team") as team:
        skill = labeling.create_skill(
            actor=team,
            name="Spam at sight",
            instruction="Tell **spam** from what people wrote to you.",
            classes=["ham", "spam"],
            table=uploads.read_rows(rows, with_answers=True),
            price=Money(4),
            drawn=4,
        )
        order = labeling.create_order(
            actor=team,
            title="Spam in two languages, for those who know it",
            instruction="Is the message **spam**?",
            classes=["ham", "spam"],
            price=Money(9),
            redundancy=2,
            table=uploads.read_rows([{"text": f"Offer {n}"} for n in range(8)]),
        )
        labeling.set_requirements(actor=team, order_id=order.id, skills=[skill.id], languages=["fr", "sw"], level=1)
        labeling.launch_order(actor=team, order_id=order.id)
    with world.acting("person") as person:
        labeling.declare_languages(actor=person, languages=["en", "fr"])
        attempt = labeling.take_skill(actor=person, skill_id=skill.id)
        for task in labeling.lease_tasks(actor=person, order_id=attempt.order_id, count=4).tasks:
            labeling.submit_annotation(
                actor=person, assignment_id=task.assignment_id, answer={"label": "spam"}, elapsed_ms=1_500
            )
    outbox.drain()
    world.ids |= {"skill": skill.id, "order_skilled": order.id}
