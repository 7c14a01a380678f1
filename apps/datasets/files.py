"""Writing a version's files: rows.jsonl (the canonical rows, one a line) and rows.parquet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import IO
from uuid import UUID

from apps.core.storage import get_storage
from apps.datasets.rows import canonical_row
from apps.datasets.types import FileFormat, Row, StoredFile
from apps.onchain.services import keccak_root

SPOOL_BYTES = 16 * 1024 * 1024
CONTENT_TYPES = {FileFormat.JSONL: "application/x-ndjson", FileFormat.PARQUET: "application/vnd.apache.parquet"}


def store_rows(tenant_id: UUID, folder: str, rows: Sequence[Row]) -> tuple[str, tuple[StoredFile, ...]]:
    """Write both files under `<tenant>/datasets/<folder>/`.

    Returns:
        The content root (Merkle root over the canonical rows, 0x and 64 hexadecimal digits) and the files.
    """
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as jsonl:
        root = keccak_root(_write_lines(rows, jsonl))
        files = [_put(tenant_id, folder, FileFormat.JSONL, jsonl)]
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as parquet:
        _write_parquet(rows, parquet)
        files.append(_put(tenant_id, folder, FileFormat.PARQUET, parquet))
    return root, tuple(files)


def _write_lines(rows: Sequence[Row], target: IO[bytes]) -> Iterator[bytes]:
    for row in rows:
        line = canonical_row(row)
        target.write(line + b"\n")
        yield line


def _write_parquet(rows: Sequence[Row], target: IO[bytes]) -> None:
    # Imported here: most web requests never need it.
    import pyarrow
    import pyarrow.parquet

    kinds = {name: pyarrow.int64() if isinstance(value, int) else pyarrow.string() for name, value in rows[0].items()}
    table = pyarrow.Table.from_pylist(list(rows), schema=pyarrow.schema(list(kinds.items())))
    pyarrow.parquet.write_table(table, target, compression="zstd")


def _put(tenant_id: UUID, folder: str, file_format: FileFormat, content: IO[bytes]) -> StoredFile:
    content.seek(0)
    key = f"{tenant_id}/datasets/{folder}/{file_format.filename}"
    stored = get_storage().put(key, content, CONTENT_TYPES[file_format])
    return StoredFile(file_format, stored.key, stored.size, stored.sha256)
