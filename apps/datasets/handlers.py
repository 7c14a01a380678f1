"""What datasets tell the asset registry at start-up."""

from __future__ import annotations

from uuid import UUID

from apps.assets.content import content_root_of
from apps.assets.panels import Panel, asset_panel
from apps.assets.types import AssetInfo, AssetKind
from apps.core.errors import NotFound
from apps.core.outbox import handles
from apps.core.storage import get_storage
from apps.datasets import selectors
from apps.datasets.events import DatasetFilesDiscarded
from apps.datasets.rows import column_order
from apps.tenancy.types import Actor


@content_root_of(AssetKind.DATASET)
def dataset_content_root(version_id: UUID) -> str:
    """Recompute a version's content root from its stored rows."""
    return selectors.stored_content_root(version_id)


@handles(DatasetFilesDiscarded)
def delete_discarded_files(event: DatasetFilesDiscarded) -> None:
    """Delete what must not be kept; a key that is gone already is fine."""
    for key in event.keys:
        get_storage().delete(key)


@asset_panel
def rows_panel(actor: Actor | None, asset: AssetInfo) -> Panel | None:
    """On an asset's page: what the newest version holds, and its first rows to those who may read them."""
    if asset.kind != AssetKind.DATASET:
        return None
    try:
        versions = selectors.versions(selectors.dataset_of(asset))
    except NotFound:
        return None
    if not versions:
        return None
    may_read = actor is not None and selectors.may_read_rows(actor, asset.id)
    counts = versions[0].card.get("statistics", {}).get("classes", {})
    columns = column_order(versions[0].schema)
    context = {
        "version": versions[0],
        "counts": list(counts.items()),
        "may_open": actor is not None and not actor.is_guest,
        "columns": columns,
        "preview": [[row.get(name, "") for name in columns] for row in selectors.preview(versions[0])]
        if may_read
        else [],
    }
    return Panel("datasets/rows_panel.html", context, order=50)
