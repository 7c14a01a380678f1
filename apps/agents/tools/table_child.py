"""The child process that asks a table: DuckDB with everything external switched off, under limits of the parent.

Reads one JSON object from standard input (`path` of a Parquet file, `sql` or "describe", `parameters`, `max_rows`) and
writes one to standard output. It imports nothing of the platform.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import duckdb

MAX_CELL = 300
MAX_VALUES = 50
MAX_VALUE = 60
MAX_SHEET_COLUMNS = 200


def main() -> None:
    """Answer the one request."""
    request = json.load(sys.stdin)
    try:
        answer = _sheet(request) if request["sql"] == "sheet" else _answer(request)
    except duckdb.Error as error:
        answer = {"error": str(error).splitlines()[0][:300]}
    json.dump(answer, sys.stdout)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET threads = 1; SET memory_limit = '400MB'; SET temp_directory = ''")
        connection.execute("CREATE TABLE data AS SELECT * FROM read_parquet(?)", [request["path"]])
        connection.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        if request["sql"] == "describe":
            return {"columns": _columns(connection), "rows": connection.execute("FROM data SELECT count(*)").fetchall()}
        result = connection.execute(request["sql"], request.get("parameters", []))
        names = [column[0] for column in result.description or []]
        rows = result.fetchmany(request["max_rows"] + 1)
    return {"columns": names, "rows": [[_plain(cell) for cell in row] for row in rows]}


def _sheet(request: dict[str, Any]) -> dict[str, Any]:
    """The first sheet of a workbook, as text."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        sheet = CalamineWorkbook.from_path(request["path"]).get_sheet_by_index(0)
    except (CalamineError, OSError, IndexError) as error:
        return {"error": f"the workbook cannot be read ({str(error)[:100]})"}
    if (sheet.height or 0) > request["max_rows"] + 1 or (sheet.width or 0) > MAX_SHEET_COLUMNS:
        return {"error": f"the sheet has more than {request['max_rows']:,} rows or {MAX_SHEET_COLUMNS} columns"}
    return {"rows": [["" if cell is None else _written(cell) for cell in row] for row in sheet.to_python()]}


def _written(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _columns(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    found = []
    for name, kind in connection.execute("SELECT column_name, column_type FROM (DESCRIBE data)").fetchall():
        quoted = '"' + name.replace('"', '""') + '"'
        column: dict[str, Any] = {"name": name, "type": kind}
        if kind == "VARCHAR":
            sql = f"SELECT DISTINCT {quoted} FROM data WHERE {quoted} <> '' LIMIT {MAX_VALUES + 1}"  # noqa: S608
            values = [row[0] for row in connection.execute(sql).fetchall()]
            if len(values) <= MAX_VALUES and all(len(value) <= MAX_VALUE for value in values):
                column["values"] = sorted(values)
        found.append(column)
    return found


def _plain(cell: Any) -> Any:
    if cell is None or isinstance(cell, (bool, int)):
        return cell
    if isinstance(cell, float):
        return float(f"{cell:.12g}")
    text = str(cell)
    return text if len(text) <= MAX_CELL else f"{text[:MAX_CELL]}…"


if __name__ == "__main__":
    main()
