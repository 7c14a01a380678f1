"""Who may follow what is happening in an order, or to their own work."""

from __future__ import annotations

from uuid import UUID

from apps.core.errors import DomainError
from apps.core.live import topic
from apps.labeling.selectors import imports, orders
from apps.tenancy.types import Actor


@topic("order")
def may_follow_order(actor: Actor, order_id: UUID) -> bool:
    """Members of the requester."""
    try:
        orders.order(actor, order_id)
    except DomainError:
        return False
    return True


@topic("import")
def may_follow_import(actor: Actor, import_id: UUID) -> bool:
    """Members of the organisation that imports."""
    try:
        imports.import_of(actor, import_id)
    except DomainError:
        return False
    return True


@topic("work")
def may_follow_work(actor: Actor, annotator_id: UUID) -> bool:
    """The annotator."""
    return actor.organisation_id == annotator_id
