"""Embeddings of texts from the runner, kept in a file by the hash of the texts."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from apps.compute import runner
from apps.compute.types import BASE_EMBEDDING_MODEL
from apps.core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 256


def embed_texts(
    texts: Sequence[str], cache: Path, *, progress: Callable[[int], None] = lambda done: None
) -> NDArray[np.float32]:
    """Vectors of shape (n, d), in the order of the texts. A second call with the same texts reads them from the cache.

    Args:
        cache: directory, made where it is missing.
        progress: called with the number of texts done.

    Raises:
        RunnerUnavailable, RunnerBusy: the runner does not answer; try again.
    """
    import numpy as np

    digest = hashlib.sha256(BASE_EMBEDDING_MODEL.encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode()).digest())
    path = cache / f"{digest.hexdigest()}.npy"
    if path.exists():
        return read_vectors(path, len(texts))
    vectors: list[list[float]] = []
    for start in range(0, len(texts), BATCH):
        vectors += runner.embed(texts[start : start + BATCH])
        progress(len(vectors))
    found = np.array(vectors, dtype=np.float32)
    cache.mkdir(parents=True, exist_ok=True)
    # Written beside and moved: a reader never sees half a file.
    with tempfile.NamedTemporaryFile(dir=cache, suffix=".npy", delete=False) as file:
        np.save(file, found)
    Path(file.name).replace(path)
    return found


def read_vectors(path: Path, count: int) -> NDArray[np.float32]:
    """Vectors from a .npy file, one row for each of `count` items.

    Raises:
        InvalidInput: `unreadable_file` or `wrong_embeddings`, with what is wrong.
    """
    import numpy as np

    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InvalidInput("unreadable_file", f"“{path}” is not a readable .npy file: {error}") from error
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.dtype.kind != "f":
        raise InvalidInput("wrong_embeddings", f"“{path}” must hold one array of real numbers, items by dimensions.")
    if len(found) != count:
        raise InvalidInput("wrong_embeddings", f"“{path}” has {len(found)} rows for {count} items.")
    odd = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(odd):
        raise InvalidInput("wrong_embeddings", f"“{path}”: row {odd[0] + 1} has a value that is not a number.")
    return found.astype(np.float32)
