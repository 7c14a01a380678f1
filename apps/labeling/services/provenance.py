"""What an order's dataset was built on: the registered model versions that labelled items of it."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from apps.assets import selectors as assets
from apps.assets.types import DEFAULT_CONTRIBUTOR_BPS, ParentRef
from apps.labeling.models import MachineItem, Order
from apps.labeling.selectors.machine import run_of
from apps.labeling.types import MadeBy, TaskState


def parents_of_result(order: Order, rows: int) -> list[ParentRef]:
    """The model versions that made machine labels, each with its share of what all labels of the dataset earn.

    What labels earn is `DEFAULT_CONTRIBUTOR_BPS` of the dataset's revenue; a version's share of it is its share of the
    rows, at least the royalty agreed with its owner. People's answers to audited items are people's.

    Args:
        rows: of the dataset.
    """
    labelled = labelled_by(order)
    share = {one: max(1, DEFAULT_CONTRIBUTOR_BPS * items // max(1, rows)) for one, items in labelled.items()}
    return assets.allowed_parents(order.tenant_id, [ParentRef(one, weight) for one, weight in share.items()])


def labelled_by(order: Order) -> Counter[UUID]:
    """How many items of the order each registered model version has labelled."""
    run = run_of(order)
    found: Counter[UUID] = Counter()
    if run is None:
        return found
    made = MachineItem.objects.filter(order=order, task__made_by=MadeBy.MACHINE, task__state=TaskState.SETTLED)
    by_audit = Counter(made.values_list("audit", flat=True))
    for audit in run.audits:
        # An audit of before audits said so was of the machine that the order has now.
        version = audit.get("version", str(run.model_version_id or ""))
        if version and by_audit[audit["number"]]:
            found[UUID(version)] += by_audit[audit["number"]]
    return found
