"""Tables as tools: kept as Parquet, asked in a child process with limits of time, memory and rows."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from asgiref.sync import sync_to_async

from apps.agents.specs import TableTool
from apps.agents.tools import table_child
from apps.agents.tools.base import Example, Offered, ToolFailed
from apps.agents.tools.table_queries import MAX_ROWS, Query, checked_sql, composed, read_off, schema_of
from apps.core.vault import working_folder

CHILD_CPU_S = 5
CHILD_WALL_S = 20.0
CHILD_MEMORY = 2 * 1024**3
MAX_OUTPUT = 4_000_000

Opener = Callable[[], IO[bytes]]


def offer(spec: TableTool, columns: Sequence[Mapping[str, Any]], opened: Opener, *, is_strong: bool) -> Offered:
    """A table as a tool. A strong model writes SQL, a small one makes choices.

    Args:
        opened: opens the Parquet file.
    """
    names = ", ".join(f"{column['name']} ({column['type'].lower()})" for column in columns)

    async def call(arguments: dict[str, Any], _key: str) -> str:
        query = checked_sql(str(arguments["sql"])) if "sql" in arguments else composed(arguments, columns)
        return await ask(opened, query)

    return Offered(
        name=spec.name,
        spec_name=spec.name,
        purpose=f"{spec.purpose or 'Answers questions about a table.'} Columns of the table `data`: {names}."[:1500],
        schema=_SQL_SCHEMA if is_strong else schema_of(columns),
        call=call,
        likenesses=(*spec.examples, *_likenesses(columns)),
        examples=_examples(columns),
        narrow=lambda question: schema_of(columns, question),
        guess=lambda question: read_off(question, columns),
        guess_tells=True,
        render=_rendered,
    )


async def ask(opened: Opener, query: Query) -> str:
    """The answer as text: what was asked, and the rows as a Markdown table or the one value.

    Raises:
        ToolFailed: the query failed or broke a limit.
    """
    answer = await run_child(opened, {"sql": query.sql, "parameters": list(query.parameters), "max_rows": MAX_ROWS})
    columns, rows = answer["columns"], answer["rows"]
    if not rows:
        return f"{query.words}: no rows".lstrip(": ")
    if len(rows) == 1 and len(columns) == 1:
        return f"{query.words or columns[0]}: {_cell(rows[0][0])}"
    lines = [_line(columns), _line(["---"] * len(columns)), *(_line(row) for row in rows[:MAX_ROWS])]
    more = [f"(the first {MAX_ROWS} rows)"] if len(rows) > MAX_ROWS else []
    return "\n".join([*([f"{query.words}:", ""] if query.words else []), *lines, *more])


async def run_child(opened: Opener, request: dict[str, Any], max_output: int = MAX_OUTPUT) -> dict[str, Any]:
    """One request to a child of its own, which is killed at its limits.

    Raises:
        ToolFailed: the child said why, or broke a limit.
    """
    with working_folder() as folder:
        path = Path(folder) / "data.parquet"
        await sync_to_async(_copy)(opened, path)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            table_child.__file__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder},
            preexec_fn=_limit_child,  # in the child, which sets its own limits
        )
        try:
            async with asyncio.timeout(CHILD_WALL_S):
                output, _ = await child.communicate(json.dumps(request | {"path": str(path)}).encode())
        except TimeoutError:
            raise ToolFailed("The query took too long. Ask for less.", is_untouched=True) from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    if child.returncode != 0 or len(output) > max_output:
        raise ToolFailed("The query needs too much memory or time. Ask for less.", is_untouched=True)
    answer: dict[str, Any] = json.loads(output)
    if "error" in answer:
        raise ToolFailed(f"The table says: {answer['error']}", is_untouched=True)
    return answer


_SQL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sql": {"type": "string", "maxLength": 2000, "description": "one SELECT over the table `data`, DuckDB's SQL"}
    },
    "required": ["sql"],
    "additionalProperties": False,
}


def _limit_child() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY, CHILD_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CHILD_CPU_S, CHILD_CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _copy(opened: Opener, path: Path) -> None:
    with opened() as source, path.open("wb") as target:
        while chunk := source.read(1 << 20):
            target.write(chunk)


def _likenesses(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    names = [column["name"].replace("_", " ") for column in columns][:8]
    texts = [f"How many rows are there with this {name}?" for name in names]
    texts += [f"What is the average {name}? Which has the highest {name}?" for name in names]
    return [*texts, f"List the {', '.join(names)}."]


def _examples(columns: Sequence[Mapping[str, Any]]) -> tuple[Example, ...]:
    first = columns[0]["name"] if columns else "name"
    return (
        Example(
            f"How many rows have {first} x?",
            {
                "operation": "count",
                "column": "",
                "group_by": "",
                "filters": [{"column": first, "comparison": "is", "value": "x"}],
            },
        ),
    )


def _rendered(_arguments: dict[str, Any], result: str) -> str:
    head, separator, value = result.rpartition(": ")
    return f"{head}: **{value}**" if separator and "\n" not in result else result


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def _line(cells: Sequence[Any]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"
