"""Which labels of an order are offered to people, by its redundancy, its money, its target and its machine."""

from __future__ import annotations

from apps.labeling.models import MachineRun, Order
from apps.labeling.selectors.machine import is_chosen_by_machine
from apps.labeling.selectors.orders import quote_of
from apps.labeling.slots import fit_slots


def offer_slots(order: Order) -> None:
    """Offer what items lack to their redundancy, in the order of work, as far as the money goes.

    In an order with a target only check questions, as a plan offers the rest; with a machine only what it has asked
    for, so that all other items go through it first. The caller has locked the order, and the work where it is open.
    """
    fit_slots(
        order.id,
        redundancy=order.redundancy,
        affordable=quote_of(order).affordable,
        checks_only=order.target is not None,
        asked_only=is_chosen_by_machine(order),
    )


def wake_machine(order: Order) -> None:
    """Have the order's machine take a step by what the order asks for now; a step under way is not written."""
    run = MachineRun.objects.select_for_update(no_key=True).filter(order=order).first()
    if run is not None:
        run.seen, run.step = "", run.step + 1
        run.save(update_fields=["seen", "step", "updated_at"])
