"""JSONL (one line an item, whole) and CSV (one line an item, answers' values as text or JSON)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from apps.labeling.formats.items import Answered, Design, FormatProblem, Item, Json

_BATCH = 128
MAX_LINE = 8 << 20


def item_json(item: Item) -> Json:
    """An item as one JSON object; what is empty is left out."""
    found: Json = {"id": item.id, "data": item.data}
    if item.result is not None:
        found["result"] = item.result
    if item.confidence is not None:
        found["confidence"] = item.confidence
    for key in ("made_by", "gold", "split", "extra"):
        if value := getattr(item, key):
            found[key] = value
    if item.answers:
        found["answers"] = [
            {
                "annotator": one.annotator,
                "answer": one.answer,
                **({"elapsed_ms": one.elapsed_ms} if one.elapsed_ms is not None else {}),
                **({"state": one.state} if one.state else {}),
            }
            for one in item.answers
        ]
    return found


def write_jsonl(items: Iterable[Item]) -> Iterator[bytes]:
    """One line an item, many lines a piece."""
    lines: list[str] = []
    dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    for item in items:
        lines.append(dump(item_json(item)))
        if len(lines) >= _BATCH:
            yield ("\n".join(lines) + "\n").encode()
            lines = []
    if lines:
        yield ("\n".join(lines) + "\n").encode()


def read_jsonl(file: IO[bytes]) -> Iterator[Item]:
    """The items of such a file. Raises FormatProblem naming the line."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise FormatProblem(f"It has more than {MAX_LINE:,} bytes.", f"Line {number}")
        if line.strip():
            yield _from_json(line, number)


def _from_json(line: bytes, number: int) -> Item:
    try:
        one = json.loads(line)
        answers = tuple(
            Answered(str(a["annotator"]), a["answer"], a.get("elapsed_ms"), str(a.get("state") or ""))
            for a in one.get("answers") or ()
        )
        return Item(
            str(one["id"]),
            one["data"],
            one.get("result"),
            one.get("confidence"),
            str(one.get("made_by") or ""),
            answers,
            one.get("gold"),
            str(one.get("split") or ""),
            one.get("extra") or {},
        )
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise FormatProblem(f"It is not an item's JSON ({error!r}).", f"Line {number}") from error


def write_csv(design: Design, items: Iterable[Item]) -> Iterator[bytes]:
    """A heading and one line an item: id, inputs, decided values, confidence, who made it, split, answers' count."""
    inputs = [str(one["name"]) for one in design.inputs]
    controls = [str(one["name"]) for one in design.controls]
    # A control may be called as an input is.
    shown = [name if name not in inputs else f"{name} (answer)" for name in controls]
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(["id", *inputs, *shown, "confidence", "made_by", "split", "answers"])
    for count, item in enumerate(items, start=1):
        answer: Mapping[str, Any] = item.result or item.gold or {}
        writer.writerow(
            [
                item.id,
                *(_cell(item.data.get(name)) for name in inputs),
                *(_cell(answer.get(name)) for name in controls),
                "" if item.confidence is None else item.confidence,
                item.made_by,
                item.split,
                len(item.answers),
            ]
        )
        if count % _BATCH == 0:
            yield target.getvalue().encode()
            target.seek(0)
            target.truncate()
    yield target.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
