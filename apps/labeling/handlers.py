"""What happens after an item or an order is complete, or a guest has signed in."""

from __future__ import annotations

from apps.accounts.events import GuestMerged
from apps.core.outbox import handles, handles_many
from apps.datasets import services as datasets
from apps.labeling import services
from apps.labeling.dataset_formats import register_formats
from apps.labeling.events import ImportQueued, ItemCompleted, OrderClosed, ResultsCorrected
from apps.labeling.services.erasing import erase_rows

register_formats()
datasets.erases_sources(erase_rows)


@handles_many(ItemCompleted, by="order_id")
def on_item_completed(events: list[ItemCompleted]) -> None:
    """Decide and pay the answers of an order's items."""
    services.settle_items(task_ids=[event.task_id for event in events])


@handles(OrderClosed, long_running=True)
def on_order_closed(event: OrderClosed) -> None:
    """Decide the rest, settle the money, release the dataset version."""
    services.close_order(order_id=event.order_id)


@handles(ResultsCorrected, long_running=True)
def on_results_corrected(event: ResultsCorrected) -> None:
    """Release a dataset version with them."""
    services.correct_dataset(order_id=event.order_id)


@handles(GuestMerged)
def on_guest_merged(event: GuestMerged) -> None:
    """The guest's answers are the user's."""
    services.move_work(source_id=event.guest_organisation_id, target_id=event.organisation_id)


@handles(ImportQueued, long_running=True)
def on_import_queued(event: ImportQueued) -> None:
    """Read the import to its end."""
    services.run_import(event.import_id)
