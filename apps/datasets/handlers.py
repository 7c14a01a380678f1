"""What datasets tell the asset registry at start-up."""

from __future__ import annotations

from uuid import UUID

from apps.assets.content import content_root_of
from apps.assets.types import AssetKind
from apps.datasets import selectors


@content_root_of(AssetKind.DATASET)
def dataset_content_root(version_id: UUID) -> str:
    """Recompute a version's content root from its stored rows."""
    return selectors.stored_content_root(version_id)
