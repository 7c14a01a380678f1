"""What is done from time to time: collect what killed processes left, seal what was stored before there were keys."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from apps.core import clock
from apps.core.models import ObjectKey
from apps.core.storage import get_storage
from apps.core.tenant import TenantOwned, all_tenants, tenant_scope
from apps.core.types import ObjectState
from apps.core.vault.keys import new_object_key, unwrapped
from apps.core.vault.objects import MAGIC, bury, delete, store_sealed

#: An object that nobody has kept for so long was left by a process that was killed.
UNKEPT = timedelta(hours=6)
#: A working folder that is so old was left by a process that was killed.
LEFT_S = 3600.0
WORKING = "sahara-open-"
_AT_ONCE = 500

_holders: list[Any] = []


def holds_objects(model: type[TenantOwned]) -> None:
    """Register a model whose `storage_key` names an object of the vault, or is empty."""
    _holders.append(model)


def working_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for an opened file; what a killed process leaves in one is collected."""
    return tempfile.TemporaryDirectory(prefix=WORKING)


def collect_leftovers() -> int:
    """Delete objects that no row will ever refer to, and opened files that nobody works on.

    Returns:
        How many objects.
    """
    _collect_folders()
    old = Q(state=ObjectState.NEW, created_at__lt=clock.now() - UNKEPT)
    with all_tenants(reason="leftovers of every organisation are collected"):
        rows = ObjectKey.objects.filter(old | Q(state=ObjectState.SHREDDED)).order_by("created_at")
        found = list(rows.values_list("id", "tenant_id", "name", "state")[:_AT_ONCE])
    for object_id, tenant_id, name, state in found:
        if state == ObjectState.SHREDDED:
            bury(tenant_id, name)
        else:
            _give_up(object_id, tenant_id, name)
    return len(found)


def seal_plain(limit: int | None = None) -> tuple[int, int]:
    """Encrypt originals that were stored before there were keys, in their places.

    Repeating it goes on where it stopped.

    Returns:
        How many were sealed, and how many have no file any more.
    """
    sealed = lost = 0
    for tenant_id, name in _plain():
        if limit is not None and sealed + lost >= limit:
            break
        if _seal(tenant_id, name):
            sealed += 1
        elif not get_storage().exists(name):
            lost += 1
    return sealed, lost


def _give_up(object_id: UUID, tenant_id: UUID, name: str) -> None:
    with tenant_scope(tenant_id), transaction.atomic():
        rows = ObjectKey.objects.select_for_update().filter(id=object_id, state=ObjectState.NEW)
        if rows.exists():
            delete(tenant_id, name)


def _collect_folders() -> None:
    since = time.time() - LEFT_S
    for folder in Path(tempfile.gettempdir()).glob(f"{WORKING}*"):
        with suppress(OSError):
            if folder.stat().st_mtime < since:
                shutil.rmtree(folder, ignore_errors=True)


def _plain() -> Iterator[tuple[UUID, str]]:
    """Objects that rows refer to and that have no key yet, or whose sealing was broken off."""
    with all_tenants(reason="originals of every organisation are sealed"):
        found: list[tuple[UUID, str]] = []
        for model in _holders:
            keys = ObjectKey.objects.filter(name=OuterRef("storage_key"), tenant_id=OuterRef("tenant_id"))
            rows = model.objects.exclude(storage_key="").order_by("id")
            rows = rows.filter(~Exists(keys) | Exists(keys.filter(state=ObjectState.SEALING)))
            found += rows.values_list("tenant_id", "storage_key")
    yield from found


def _seal(tenant_id: UUID, name: str) -> bool:
    """The key is committed before the first byte is overwritten: whenever this is broken off, the object opens."""
    with tenant_scope(tenant_id), transaction.atomic():
        new_object_key(tenant_id, name, ObjectState.SEALING)
    with tenant_scope(tenant_id), transaction.atomic():
        row = ObjectKey.objects.select_for_update().get(tenant_id=tenant_id, name=name)
        if row.state != ObjectState.SEALING:
            return False  # deleted meanwhile, or sealed by somebody else
        try:
            source = get_storage().open(name)
        except FileNotFoundError:
            row.delete()
            return False
        with source:
            is_sealed = source.read(len(MAGIC)) == MAGIC
            source.seek(0)
            if not is_sealed:
                store_sealed(unwrapped(row), tenant_id, name, source)
        row.state = ObjectState.KEPT
        row.save(update_fields=["state"])
    return True
