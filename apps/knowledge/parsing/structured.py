"""JSON, JSON lines, notebooks and XML into blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.archive import local, xml
from apps.knowledge.parsing.encoding import clean, decode
from apps.knowledge.parsing.html import html_blocks
from apps.knowledge.parsing.reading import Reading
from apps.knowledge.parsing.text import text_blocks
from apps.knowledge.types import Block, BlockKind

_LONGEST_OUTPUT = 4_000


def read_json(reading: Reading) -> list[Block]:
    """A block for each member of the outermost list or object, one line a value: `address.city: Lyon`."""
    text = decode(reading.path.read_bytes())
    return [Block(BlockKind.PARAGRAPH, body) for value in _values(text) for body in _bodies(value) if body.strip()]


def _values(text: str) -> Iterator[Any]:
    try:
        yield json.loads(text)
        return
    except json.JSONDecodeError:
        pass
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            raise UnreadableFile("broken_file", f"Line {number} is no JSON: {error.msg}. Correct it.") from None


def _bodies(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield clean("\n".join(_lines(item, "")))
    elif isinstance(value, dict) and any(isinstance(item, dict | list) for item in value.values()):
        for key, item in value.items():
            if isinstance(item, list) and any(isinstance(one, dict) for one in item):
                for one in item:
                    yield clean("\n".join(_lines(one, str(key))))
            else:
                yield clean("\n".join(_lines(item, str(key))))
    else:
        yield clean("\n".join(_lines(value, "")))


def _lines(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _lines(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        if all(not isinstance(item, dict | list) for item in value):
            yield from _lines(", ".join(_scalar(item) for item in value), path)
        else:
            for item in value:
                yield from _lines(item, path)
    elif value is not None and value != "":
        yield f"{path}: {_scalar(value)}" if path else _scalar(value)


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_notebook(reading: Reading) -> list[Block]:
    """Cells of a Jupyter notebook in their order: prose as Markdown, code and what it printed as they stand."""
    notebook = json.loads(decode(reading.path.read_bytes()))
    cells = notebook.get("cells") or [c for sheet in notebook.get("worksheets", []) for c in sheet.get("cells", [])]
    return [block for cell in cells if isinstance(cell, dict) for block in _cell(cell)]


def _cell(cell: dict[str, Any]) -> Iterator[Block]:
    source = clean(_joined(cell.get("source", cell.get("input", ""))))
    if cell.get("cell_type") in ("markdown", "raw", "heading"):
        if cell["cell_type"] == "heading":
            source = f"{'#' * int(cell.get('level', 1))} {source}"
        yield from text_blocks(source)
        return
    if source.strip():
        yield Block(BlockKind.PARAGRAPH, f"```\n{source.strip()}\n```")
    for output in cell.get("outputs") or ():
        data = output.get("data") or {}
        text = clean(_joined(output.get("text") or data.get("text/plain") or ""))
        if not text.strip() and data.get("text/html"):
            text = "\n\n".join(block.text for block in html_blocks(_joined(data["text/html"]))[1])
        if text.strip():
            yield Block(BlockKind.PARAGRAPH, text.strip()[:_LONGEST_OUTPUT])


def _joined(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value or "")


def read_xml(reading: Reading) -> list[Block]:
    """The texts of an XML file in their order, each with its element's name; entities are refused."""
    return [
        Block(BlockKind.PARAGRAPH, f"{name}: {text}" if name else text)
        for name, text in _texts(xml(reading.path.read_bytes()))
    ]


def _texts(root: Element) -> Iterator[tuple[str, str]]:
    for element in root.iter():
        for name, raw in ((local(element.tag), element.text), ("", element.tail)):
            text = " ".join(clean(raw or "").split())
            if text:
                yield name, text
