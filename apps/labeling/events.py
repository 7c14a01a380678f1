"""What happened in the labelling room."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.core.outbox import Event


@dataclass(frozen=True)
class ItemCompleted(Event):
    """An item has all its labels (or was flagged out); its answers can be decided."""

    task_id: UUID
    order_id: UUID | None = None  # None in events of versions before 0.3


@dataclass(frozen=True)
class OrderClosed(Event):
    """An order takes no more answers; what is left of it is to be decided, paid back and released."""

    order_id: UUID


@dataclass(frozen=True)
class OrderFinished(Event):
    """An order ended with a dataset version."""

    order_id: UUID
    dataset_version_id: UUID


@dataclass(frozen=True)
class ResultsCorrected(Event):
    """Upheld appeals changed results of an order that has its dataset already."""

    order_id: UUID


@dataclass(frozen=True)
class ImportQueued(Event):
    """An import waits to be read."""

    import_id: UUID
