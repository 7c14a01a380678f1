"""Use cases: keep a table for tools to ask, and remove it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import IO, Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction

from apps.agents.models import AgentTable
from apps.agents.policies import require
from apps.agents.selectors.parts import table_info
from apps.agents.tools import tables
from apps.agents.tools.base import ToolFailed
from apps.agents.types import AgentsPermission, TableInfo
from apps.core import vault
from apps.core.errors import InvalidInput, NotFound
from apps.core.ids import uuid7
from apps.datasets.tables import Table, read_table
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 200_000
MAX_SHEET_OUTPUT = 64_000_000
_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")


def upload_table(*, actor: Actor, filename: str, file: IO[bytes]) -> TableInfo:
    """Read a CSV, JSONL or Excel file whole and keep it as Parquet; columns of numbers become numbers.

    Raises:
        InvalidInput: the file is too large, empty, no table, or has bad rows; nothing is kept then.
    """
    require(actor, AgentsPermission.CREATE)
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InvalidInput("file_too_large", f"The table is larger than {MAX_BYTES // 1024**2} MB.")
    table = _workbook(filename, content) if filename.lower().endswith(_WORKBOOKS) else _text(filename, content)
    parquet = _parquet(table)
    described = async_to_sync(tables.run_child)(lambda: io.BytesIO(parquet), {"sql": "describe"})
    table_id = uuid7()
    key = f"{actor.organisation_id}/agent-tables/{table_id}.parquet"
    stored = vault.put(actor.organisation_id, key, io.BytesIO(parquet))
    with transaction.atomic():
        row = AgentTable.objects.create(
            id=table_id,
            tenant_id=actor.organisation_id,
            name=filename.replace("\x00", "")[-120:],
            storage_key=stored.key,
            columns=described["columns"],
            rows=len(table.rows),
            size=stored.size,
        )
        vault.keep(actor.organisation_id, key)
        record_audit(
            actor, action="agent.table_added", target_type="agent_table", target_id=row.id, detail={"name": row.name}
        )
    return table_info(row)


def delete_table(*, actor: Actor, table_id: UUID) -> None:
    """Remove a table and its file. Raises NotFound."""
    require(actor, AgentsPermission.EDIT)
    with transaction.atomic():
        row = AgentTable.objects.select_for_update().filter(id=table_id).first()
        if row is None:
            raise NotFound("table_not_found", "There is no such table.", table_id=str(table_id))
        record_audit(actor, action="agent.table_removed", target_type="agent_table", target_id=row.id)
        vault.delete(row.tenant_id, row.storage_key)
        row.delete()


def _text(filename: str, content: bytes) -> Table:
    return read_table(io.BytesIO(content), filename, required_columns=(), max_bytes=MAX_BYTES, max_rows=MAX_ROWS)


def _workbook(filename: str, content: bytes) -> Table:
    """The first sheet, read in the limited child."""
    request = {"sql": "sheet", "max_rows": MAX_ROWS}
    try:
        rows = async_to_sync(tables.run_child)(lambda: io.BytesIO(content), request, MAX_SHEET_OUTPUT)["rows"]
    except ToolFailed as error:
        raise InvalidInput("unreadable_table", f"“{filename}” cannot be read: {error.message}") from None
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    heads = [cell.strip() for cell in rows[0]] if rows else []
    if len(rows) < 2 or not all(heads) or len(set(heads)) != len(heads):
        message = f"The first sheet of “{filename}” needs a row of different headings and at least one row below it."
        raise InvalidInput("wrong_columns", message)
    body = [dict(zip(heads, [cell.replace("\x00", "") for cell in row], strict=False)) for row in rows[1:]]
    return Table(tuple(heads), body, list(range(2, len(rows) + 1)))


def _parquet(table: Table) -> bytes:
    import pyarrow
    import pyarrow.parquet

    columns = {name: _typed([row.get(name, "") for row in table.rows]) for name in table.columns}
    target = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), target, compression="zstd")
    return target.getvalue()


def _typed(values: Sequence[str]) -> Any:
    """Whole numbers, numbers, or text; empty cells are none."""
    import pyarrow

    cells = [value.strip() or None for value in values]
    kinds = () if any(_is_code(cell) for cell in cells) else ((int, pyarrow.int64()), (float, pyarrow.float64()))
    for read, kind in kinds:
        try:
            return pyarrow.array([None if cell is None else read(cell) for cell in cells], kind)
        except (ValueError, OverflowError, pyarrow.ArrowInvalid):
            continue
    return pyarrow.array(cells, pyarrow.string())


def _is_code(cell: str | None) -> bool:
    """Whether a cell has zeros in front that a number would lose."""
    digits = (cell or "").lstrip("-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
