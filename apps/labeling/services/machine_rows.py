"""What a source says of an order's items, kept in object storage while the order runs.

It is asked part by part, and each part is stored as soon as it is there: a killed worker's successor goes on with the
next one. The files hold embeddings or probabilities, no text, and are deleted when the order ends.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.labeling.machine.pool import Learnable
from apps.labeling.machine.sources import BadPredictions, Source
from apps.labeling.models import Order, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

PART = 512
#: Pools that this process keeps: finding neighbours among 20,000 items takes seconds.
_KEPT = 2
_pools: dict[tuple[str, int], Learnable] = {}


def read_more(order: Order, source: Source, *, text_input: str, seconds: float, alive: Callable[[int], None]) -> bool:
    """Ask the source about items it has not seen, for about so many seconds. Whether it has seen all.

    Args:
        alive: called after each part with the number of items read, so that nobody else begins.

    Raises:
        DomainError: what the source refused.
    """
    storage, ends = get_storage(), time.monotonic() + seconds
    for first in range(0, order.item_count, PART):
        key = _key(order, first)
        if storage.exists(key):
            continue
        if time.monotonic() > ends:
            return False
        texts = _texts(order, text_input, first, PART)
        rows = _asked(source, texts, alive, first)
        target = io.BytesIO()
        _save(target, rows)
        storage.put(key, target.getvalue())
        alive(first + len(texts))
    return True


def read_pool(order: Order, source: Source, *, text_input: str) -> Learnable:
    """All items of an order that was read to its end, in the order of work."""
    import numpy as np

    kept = (_key(order, 0), order.item_count)
    if kept not in _pools:
        storage, parts = get_storage(), []
        for first in range(0, order.item_count, PART):
            with storage.open(_key(order, first)) as file:
                parts.append(np.load(io.BytesIO(file.read()), allow_pickle=False))
        while len(_pools) >= _KEPT:
            _pools.pop(next(iter(_pools)), None)
        texts = _texts(order, text_input, 0, order.item_count)
        _pools[kept] = source.pool(np.concatenate(parts), texts)
    return _pools[kept]


def forget_rows(order: Order) -> None:
    """Delete an order's files; absent ones are fine."""
    storage = get_storage()
    for first in range(0, order.item_count, PART):
        storage.delete(_key(order, first))
    for kept in [one for one in _pools if one[0] == _key(order, 0)]:
        _pools.pop(kept, None)


def _texts(order: Order, text_input: str, first: int, count: int) -> list[str]:
    with tenant_scope(order.tenant_id):
        found = Task.objects.filter(order=order).order_by("position")[first : first + count]
        return [str(one.get(text_input, "")) for one in found.values_list("data", flat=True)]


def _asked(source: Source, texts: list[str], alive: Callable[[int], None], before: int) -> Floats:
    import numpy as np

    parts = []
    for start in range(0, len(texts), source.batch):
        some = texts[start : start + source.batch]
        rows = source.rows(some)
        if rows.ndim != 2 or len(rows) != len(some) or not np.isfinite(rows).all():
            raise BadPredictions(f"{source.name} answered {len(rows)} rows for {len(some)} texts.")
        parts.append(rows)
        alive(before + start)
    return np.concatenate(parts)


def _save(target: io.BytesIO, rows: Floats) -> None:
    import numpy as np

    np.save(target, rows)


def _key(order: Order, first: int) -> str:
    source = hashlib.sha256(str(order.machine.get("source", "")).encode()).hexdigest()[:16]
    last = min(first + PART, order.item_count)
    return f"{order.tenant_id}/machine/{order.id}/{source}/{first:07d}-{last:07d}.npy"
