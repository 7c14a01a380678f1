"""Plain text and Markdown into blocks, in any encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator

from charset_normalizer import from_bytes

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.types import Block, BlockKind

_ATX_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_SETEXT_UNDERLINE = re.compile(r"^(=+|-+)\s*$")
_TABLE_ROW = re.compile(r"^\s*\|.*\|\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def clean(text: str) -> str:
    """Text that PostgreSQL stores and people read: no U+0000 or other controls, one kind of line end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").replace("\x0b", "\n")
    return _SURROGATES.sub("\ufffd", _FORBIDDEN.sub("", text))


def decode(data: bytes) -> str:
    """The text of `data` in whatever encoding it is.

    Raises:
        UnreadableFile: no known encoding makes text of it.
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        best = from_bytes(data).best()
    if best is None:
        raise UnreadableFile("unknown_encoding", "The text encoding is not known. Save the file as UTF-8.")
    return str(best)


def read_text(data: bytes) -> list[Block]:
    """Blocks of a text or Markdown file: headings, pipe tables, fenced code and paragraphs."""
    return list(text_blocks(clean(decode(data))))


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
