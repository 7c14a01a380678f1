"""Writing a version's files: rows.jsonl (the canonical rows, one a line) and rows.parquet, row by row.

Parquet has lists and objects as JSON text; exports with the types of a design are made on request (`exports`).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any
from uuid import UUID

from apps.core.storage import get_storage
from apps.datasets.rows import canonical_row
from apps.datasets.spool import RowSpool
from apps.datasets.types import FileFormat, Row, StoredFile
from apps.onchain.services import keccak_root

SPOOL_BYTES = 16 * 1024 * 1024
CONTENT_TYPES = {
    FileFormat.JSONL: "application/x-ndjson",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
    FileFormat.ANSWERS: "application/x-ndjson",
}
_BATCH = 2_000


def store_rows(tenant_id: UUID, folder: str, rows: RowSpool) -> tuple[str, tuple[StoredFile, ...]]:
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


def store_answers(tenant_id: UUID, folder: str, answers: Iterable[Mapping[str, Any]]) -> StoredFile | None:
    """Write answers.jsonl, one annotator's answer to one row a line; None where there are none."""
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as target:
        for answer in answers:
            target.write(canonical_row(dict(answer)) + b"\n")
        return _put(tenant_id, folder, FileFormat.ANSWERS, target) if target.tell() else None


def store_no_rows(tenant_id: UUID, folder: str, columns: Iterable[str]) -> tuple[StoredFile, ...]:
    """Both files for a version that has lost all its rows."""
    import pyarrow
    import pyarrow.parquet

    with tempfile.SpooledTemporaryFile() as jsonl:
        files = [_put(tenant_id, folder, FileFormat.JSONL, jsonl)]
    with tempfile.SpooledTemporaryFile() as parquet:
        schema = pyarrow.schema([(name, pyarrow.string()) for name in columns])
        pyarrow.parquet.write_table(schema.empty_table(), parquet)
        files.append(_put(tenant_id, folder, FileFormat.PARQUET, parquet))
    return tuple(files)


def _write_lines(rows: Iterable[Row], target: IO[bytes]) -> Iterator[bytes]:
    for row in rows:
        line = canonical_row(row)
        target.write(line + b"\n")
        yield line


def _write_parquet(rows: RowSpool, target: IO[bytes]) -> None:
    # Imported here: most web requests never need it.
    import pyarrow
    import pyarrow.parquet

    writer: Any = None
    batch: list[dict[str, Any]] = []
    kinds: dict[str, str] = {}

    def flush() -> None:
        writer.write_table(pyarrow.Table.from_pylist(batch, schema=writer.schema))
        batch.clear()

    for row in rows:
        if writer is None:
            kinds = {name: rows.kind(name) for name in row}
            types = {"integer": pyarrow.int64()}
            schema = pyarrow.schema([(name, types.get(kind, pyarrow.string())) for name, kind in kinds.items()])
            writer = pyarrow.parquet.ParquetWriter(target, schema, compression="zstd")
        batch.append({name: _cell(value, kinds[name]) for name, value in row.items()})
        if len(batch) >= _BATCH:
            flush()
    if batch:
        flush()
    writer.close()


def _cell(value: Any, kind: str) -> Any:
    if value is None or kind == "integer":
        return value
    if kind == "nested":
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _put(tenant_id: UUID, folder: str, file_format: FileFormat, content: IO[bytes]) -> StoredFile:
    content.seek(0)
    key = f"{tenant_id}/datasets/{folder}/{file_format.filename}"
    stored = get_storage().put(key, content, CONTENT_TYPES[file_format])
    return StoredFile(file_format, stored.key, stored.size, stored.sha256)
