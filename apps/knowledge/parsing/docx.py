"""DOCX into blocks, in document order, by python-docx."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml.etree import LxmlError

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.text import clean
from apps.knowledge.types import Block, BlockKind

_HEADING_STYLE = re.compile(r"^heading (\d)$", re.IGNORECASE)


def read_docx(path: Path) -> list[Block]:
    """Blocks of a Word document: headings by style, paragraphs, tables with one line per row.

    Raises:
        UnreadableFile: the archive is damaged or holds no text.
    """
    try:
        content = list(docx.Document(str(path)).iter_inner_content())
        blocks = [block for item in content if (block := _block(item)) is not None]
    except (PackageNotFoundError, zipfile.BadZipFile, LxmlError, KeyError, ValueError, OSError, EOFError) as error:
        raise UnreadableFile(
            "broken_file", "The Word document is damaged. Open it on your side, save it again and upload the new copy."
        ) from error
    if not blocks:
        raise UnreadableFile("no_text", "The Word document has no text in it. Write its content as text.")
    return blocks


def _block(item: Paragraph | Table) -> Block | None:
    if isinstance(item, Table):
        rows = [_row(cells) for cells in ([cell.text for cell in row.cells] for row in item.rows)]
        body = "\n".join(row for row in rows if row.strip(" |"))
        return Block(BlockKind.TABLE, body) if body else None
    text = clean(item.text).strip()
    if not text:
        return None
    style = item.style.name if item.style is not None and item.style.name else ""
    if style.lower() == "title":
        return Block(BlockKind.HEADING, text, level=1)
    heading = _HEADING_STYLE.match(style)
    if heading:
        return Block(BlockKind.HEADING, text, level=int(heading[1]))
    return Block(BlockKind.PARAGRAPH, text)


def _row(cells: list[str]) -> str:
    """`| a | b |`; merged cells are repeated by python-docx and written once here."""
    seen: list[str] = []
    for cell in cells:
        value = " ".join(clean(cell).split())
        if not seen or seen[-1] != value:
            seen.append(value)
    return "| " + " | ".join(seen) + " |"
