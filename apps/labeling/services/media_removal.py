"""Media files leave storage with the person they are of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from apps.core.storage import get_storage
from apps.labeling.models import ImportedItem, Media, Task
from apps.tenancy import limits
from apps.tenancy.limits import Limit


def media_in(items: Iterable[Mapping[str, Any]]) -> set[UUID]:
    """The media files that items show."""
    return {UUID(value["media"]) for item in items for value in item.values() if _is_media(value)}


def erase_media(wanted: set[UUID]) -> int:
    """Delete media files that no task and no imported item shows any more. Runs in the owner's scope and transaction.

    The files go once the transaction is committed; a file that another row stands for stays.

    Returns:
        How many rows were deleted.
    """
    gone = wanted - _shown(wanted) if wanted else set()
    rows = list(Media.objects.select_for_update().filter(id__in=gone).order_by("id"))
    Media.objects.filter(id__in=[row.id for row in rows]).delete()
    keys = {row.storage_key for row in rows}
    keys -= set(Media.objects.filter(storage_key__in=keys).values_list("storage_key", flat=True))
    for row in rows:
        limits.note_usage(
            organisation_id=row.tenant_id,
            limit=Limit.STORAGE_BYTES,
            amount=-row.bytes,
            key=f"media-removed:{row.id}",
        )
    storage = get_storage()
    for key in sorted(keys):
        transaction.on_commit(lambda key=key: storage.delete(key), robust=True)  # type: ignore[misc]  # a bound default
    return len(rows)


def _shown(wanted: set[UUID]) -> set[UUID]:
    """Those that something still shows: one look over all items with media, however many are asked for."""
    found: set[UUID] = set()
    for model in (Task, ImportedItem):
        items = model._default_manager.annotate(text=Cast("data", TextField())).filter(text__contains='"media"')
        found |= media_in(items.values_list("data", flat=True).iterator(2_000)) & wanted
    return found


def _is_media(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("media"), str)
