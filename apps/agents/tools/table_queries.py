"""Questions to a table: as SQL of a strong model, which is checked, or as a few choices, which become SQL here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from apps.agents.tools.base import ToolFailed

MAX_ROWS = 50
MAX_SQL = 2_000
OPERATIONS = ("count", "sum", "average", "minimum", "maximum", "list")
COMPARISONS = {"is": "=", "is not": "<>", "more than": ">", "at least": ">=", "less than": "<", "at most": "<="}
_AGGREGATES = {"sum": "sum", "average": "avg", "minimum": "min", "maximum": "max"}
_NUMBER_TYPES = ("BIGINT", "INTEGER", "DOUBLE", "DECIMAL", "HUGEINT", "FLOAT", "SMALLINT", "TINYINT", "UBIGINT")
_FORBIDDEN = {"getenv", "current_setting", "set_config", "read_text", "read_blob", "glob", "query", "query_table"}

_KEYWORDS = (
    ("count", r"how many|number of|count"),
    ("average", r"average|mean|on average"),
    ("sum", r"total|sum|altogether|in all|combined"),
    ("maximum", r"highest|largest|maximum|most|biggest|greatest|latest|longest|oldest|best"),
    ("minimum", r"lowest|smallest|minimum|least|cheapest|fewest|earliest|shortest|youngest"),
    ("list", r"which|list|show|who|name all|what are"),
)
_COMPARED = (
    (r"(?:more|greater|higher|larger|older) than|over|above|exceed(?:s|ing)?|after", "more than"),
    (r"at least|no less than|minimum of", "at least"),
    (r"(?:less|lower|fewer|smaller|younger) than|under|below|before", "less than"),
    (r"at most|no more than|up to", "at most"),
)
_NUMBER = r"\$?(-?\d[\d,]*(?:\.\d+)?)"


@dataclass(frozen=True)
class Query:
    """SQL with its parameters, and what it asks in words."""

    sql: str
    parameters: tuple[Any, ...] = ()
    words: str = ""


def checked_sql(sql: str) -> Query:
    """SQL that only reads the table `data`.

    Raises:
        ToolFailed: it is something else.
    """
    if len(sql) > MAX_SQL:
        raise ToolFailed(f"The query is longer than {MAX_SQL} characters.", is_untouched=True)
    try:
        statements = [one for one in sqlglot.parse(sql, read="duckdb") if one is not None]
    except sqlglot.errors.SqlglotError as error:
        raise ToolFailed(f"The query is not valid SQL: {str(error).splitlines()[0][:200]}", is_untouched=True) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ToolFailed("Only one SELECT over the table `data` is allowed.", is_untouched=True)
    tree = statements[0]
    known = {"data", *(cte.alias_or_name for cte in tree.find_all(exp.CTE))}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.db or table.name not in known:
            raise ToolFailed("Only the table `data` can be asked.", is_untouched=True)
    for function in tree.find_all(exp.Func):
        name = (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()
        if name in _FORBIDDEN or name.startswith(("read_", "pragma_", "duckdb_")):
            raise ToolFailed(f"The function {name} is not allowed.", is_untouched=True)
    return Query(tree.sql(dialect="duckdb"), (), "")


def composed(arguments: Mapping[str, Any], columns: Sequence[Mapping[str, Any]]) -> Query:
    """SQL of the choices that `schema_of` lets a small model make.

    Raises:
        ToolFailed: a column is not there, or text is to be added up.
    """
    names = {column["name"]: column for column in columns}
    operation = arguments.get("operation", "list")
    column, group = arguments.get("column") or "", arguments.get("group_by") or ""
    filters = [one for one in arguments.get("filters") or [] if one.get("column")]
    for name in (column, group, *(one["column"] for one in filters)):
        if name and name not in names:
            raise ToolFailed(f"The table has no column {name}.", is_untouched=True)
    if operation in ("sum", "average") and not is_number(names.get(column, {})):
        raise ToolFailed(f"The column {column or '?'} has no numbers to add up.", is_untouched=True)
    where, parameters, said = _conditions(filters, names)
    sql, words = _select(operation, column, group, where)
    return Query(sql, tuple(parameters), " ".join([words, *(["where", " and ".join(said)] if said else [])]))


def schema_of(columns: Sequence[Mapping[str, Any]], question: str = "") -> dict[str, Any]:
    """The choices as a JSON schema; with a question, only values of the table that occur in it may be compared."""
    names = [column["name"] for column in columns]
    mentioned = list(_mentioned_values(columns, question))
    operation = _operation(question)
    filters: dict[str, Any] = {
        "type": "array",
        "maxItems": max(1, len(mentioned)) if not question or mentioned else 1,
        "items": {
            "type": "object",
            "properties": {
                "column": {"enum": names},
                "comparison": {"enum": list(COMPARISONS)},
                "value": {"type": "string", "maxLength": 60},
            },
            "required": ["column", "comparison", "value"],
            "additionalProperties": False,
        },
    }
    return {
        "type": "object",
        "properties": {
            "operation": {"enum": [operation] if operation else list(OPERATIONS)},
            "column": {"enum": ["", *names]},
            "group_by": {"enum": ["", *names]},
            "filters": filters,
        },
        "required": ["operation", "column", "group_by", "filters"],
        "additionalProperties": False,
    }


def read_off(question: str, columns: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The choices that an English question makes plainly, or None where something stays open."""
    operation = _operation(question)
    if operation is None:
        return None
    values = list(_mentioned_values(columns, question))
    compared = list(_comparisons(question, columns))
    filters = [{"column": name, "comparison": "is", "value": value} for name, value in values] + compared
    group = _grouped(question, columns)
    used = {one["column"] for one in filters} | {group}
    if operation == "count" and _amount(question, columns) - used:
        operation = "sum"
    mentioned = [column for column in _mentioned_columns(columns, question) if column["name"] not in used]
    numbers = [column for column in mentioned if is_number(column)]
    if operation in ("sum", "average", "minimum", "maximum"):
        numbers = numbers or [column for column in columns if is_number(column) and column["name"] not in used]
        if len(numbers) != 1 and not mentioned:
            return None
        if not numbers:
            return None
        column = numbers[0]["name"]
    else:
        column = mentioned[0]["name"] if operation == "list" and mentioned else ""
        if operation == "list" and not filters:
            return None
    if operation == "count" and not filters and not group and re.search(r"\b(?:with|where|in|from|by)\b", question):
        return None
    return {"operation": operation, "column": column, "group_by": group, "filters": filters}


def is_number(column: Mapping[str, Any]) -> bool:
    """Whether a column holds numbers."""
    return str(column.get("type", "")).startswith(_NUMBER_TYPES)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _conditions(
    filters: Sequence[Mapping[str, Any]], names: Mapping[str, Mapping[str, Any]]
) -> tuple[str, list[Any], list[str]]:
    parts: list[str] = []
    parameters: list[Any] = []
    said: list[str] = []
    for one in filters:
        comparison, value = one.get("comparison", "is"), str(one.get("value", ""))
        sign = COMPARISONS.get(comparison, "=")
        if is_number(names[one["column"]]):
            parts.append(f"{_quoted(one['column'])} {sign} ?")
            parameters.append(_number(value))
        elif sign in ("=", "<>"):
            parts.append(f"lower(CAST({_quoted(one['column'])} AS VARCHAR)) {sign} lower(?)")
            parameters.append(value)
        else:
            parts.append(f"CAST({_quoted(one['column'])} AS VARCHAR) {sign} ?")
            parameters.append(value)
        said.append(f"{one['column']} {comparison} {value}")
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), parameters, said


def _number(value: str) -> float:
    try:
        return float(value.replace(",", "").lstrip("$ "))
    except ValueError:
        raise ToolFailed(f"{value[:40]} is no number.", is_untouched=True) from None


def _select(operation: str, column: str, group: str, where: str) -> tuple[str, str]:
    """The statement and what it asks, in words. Identifiers are quoted; values come as parameters."""
    if operation in ("minimum", "maximum") and not group:
        direction = "DESC" if operation == "maximum" else "ASC"
        order = f"ORDER BY {_quoted(column)} {direction} NULLS LAST LIMIT 1"
        return f"SELECT * FROM data{where} {order}", f"row with the {operation} {column}"  # noqa: S608
    if operation == "list":
        shown = f"DISTINCT {_quoted(column)}" if column else "*"
        return f"SELECT {shown} FROM data{where} LIMIT {MAX_ROWS + 1}", f"{column or 'rows'}"  # noqa: S608
    what = "count(*)" if operation == "count" else f"{_AGGREGATES[operation]}({_quoted(column)})"
    words = "number of rows" if operation == "count" else f"{operation} of {column}"
    if not group:
        return f"SELECT {what} AS {_quoted(words)} FROM data{where}", words  # noqa: S608
    sql = f"SELECT {_quoted(group)}, {what} AS {_quoted(words)} FROM data{where} GROUP BY 1 ORDER BY 2 DESC"  # noqa: S608
    return f"{sql} LIMIT {MAX_ROWS + 1}", f"{words} by {group}"


def _operation(question: str) -> str | None:
    """The operation that comes first in the question; a superlative goes before "which" and "show"."""
    found = {
        name: match.start() for name, words in _KEYWORDS if (match := re.search(rf"\b(?:{words})\b", question, re.I))
    }
    for name in ("count", "average", "sum", "maximum", "minimum", "list"):
        if name in found:
            return name
    return None


def _words(text: str) -> list[str]:
    return [_stem(word) for word in re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())]


def _stem(word: str) -> str:
    for ending in ("ies", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word.rstrip("e") if len(word) > 4 else word


def _mentioned_columns(columns: Sequence[Mapping[str, Any]], question: str) -> list[Mapping[str, Any]]:
    """Columns all of whose words (or, failing that, some of them) occur in the question, most words first."""
    words = set(_words(question))
    shares = [(sum(word in words for word in _words(column["name"])), column) for column in columns]
    whole = [(n, column) for n, column in shares if n and n == len(_words(column["name"]))]
    return [column for _, column in sorted(whole or [one for one in shares if one[0]], key=lambda one: -one[0])]


def _mentioned_values(columns: Sequence[Mapping[str, Any]], question: str) -> Iterator[tuple[str, str]]:
    for column in columns:
        hits = [
            value
            for value in column.get("values", [])
            if len(value) > 1 and re.search(rf"(?<!\w){re.escape(value)}(?:s|es)?(?!\w)", question, re.I)
        ]
        if hits:
            yield column["name"], max(hits, key=len)


def _comparisons(question: str, columns: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    numbers = [column for column in columns if is_number(column)]
    for words, comparison in _COMPARED:
        for match in re.finditer(rf"\b(?:{words})\s+{_NUMBER}", question, re.I):
            around = question[max(0, match.start() - 40) : match.end() + 25]
            near = _mentioned_columns(numbers, around) or numbers
            if near:
                yield {"column": near[0]["name"], "comparison": comparison, "value": match.group(1).replace(",", "")}


def _amount(question: str, columns: Sequence[Mapping[str, Any]]) -> set[str]:
    """The column of numbers that "how many" is said of: how many units is their sum, not the number of rows."""
    match = re.search(r"\bhow many\s+(\w+)", question, re.I)
    numbers = [column for column in columns if is_number(column)]
    return {str(column["name"]) for column in _mentioned_columns(numbers, match.group(1))} if match else set()


def _grouped(question: str, columns: Sequence[Mapping[str, Any]]) -> str:
    match = re.search(r"\b(?:per|by|for each|in each|of each|for every)\s+(\w+(?:\s\w+)?)", question, re.I)
    found = _mentioned_columns(columns, match.group(1)) if match else []
    return str(found[0]["name"]) if found else ""
