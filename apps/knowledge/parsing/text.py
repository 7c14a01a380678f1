"""Plain text and Markdown into blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.knowledge.parsing.encoding import clean, decode
from apps.knowledge.parsing.reading import Reading
from apps.knowledge.types import Block, BlockKind

_ATX_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_SETEXT_UNDERLINE = re.compile(r"^(=+|-+)\s*$")
_TABLE_ROW = re.compile(r"^\s*\|.*\|\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")


def read_text(reading: Reading) -> list[Block]:
    """Blocks of a text or Markdown file: headings, pipe tables, fenced code and paragraphs."""
    return list(text_blocks(clean(decode(reading.path.read_bytes()))))


def text_blocks(text: str, page: int | None = None) -> Iterator[Block]:
    """Split cleaned text at blank lines and Markdown structure."""
    pending: list[str] = []
    is_table = is_fenced = False

    def flush() -> Iterator[Block]:
        nonlocal pending, is_table
        body = "\n".join(pending).strip("\n")
        if body.strip():
            yield Block(BlockKind.TABLE if is_table else BlockKind.PARAGRAPH, body, page=page)
        pending, is_table = [], False

    for line in text.split("\n"):
        line = line.rstrip()
        if _FENCE.match(line):
            is_fenced = not is_fenced
            pending.append(line)
            continue
        if is_fenced:
            pending.append(line)
            continue
        heading = _ATX_HEADING.match(line)
        if heading:
            yield from flush()
            yield Block(BlockKind.HEADING, heading[2], level=len(heading[1]), page=page)
        elif _SETEXT_UNDERLINE.match(line) and len(pending) == 1 and not is_table:
            title, pending = pending[0].strip(), []
            yield Block(BlockKind.HEADING, title, level=1 if line.startswith("=") else 2, page=page)
        elif not line:
            yield from flush()
        else:
            row = bool(_TABLE_ROW.match(line))
            if pending and row != is_table:
                yield from flush()
            is_table = row
            pending.append(line)
    yield from flush()
