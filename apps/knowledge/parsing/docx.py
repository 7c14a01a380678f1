"""DOCX into blocks, in document order, by python-docx."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import docx
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph

from apps.knowledge.parsing.archive import open_archive
from apps.knowledge.parsing.encoding import clean
from apps.knowledge.parsing.reading import Reading
from apps.knowledge.parsing.tables import table_blocks
from apps.knowledge.types import Block, BlockKind

_HEADING_STYLE = re.compile(r"^heading (\d)$", re.IGNORECASE)
_NOTES = ("/footnotes", "/endnotes")
_P, _TBL, _TR, _TC, _T = (qn(f"w:{name}") for name in ("p", "tbl", "tr", "tc", "t"))
_HOLDERS = frozenset(qn(f"w:{name}") for name in ("sdt", "sdtContent", "ins", "smartTag", "customXml"))
_OUTLINE, _VAL, _TEXT_BOX = qn("w:outlineLvl"), qn("w:val"), qn("w:txbxContent")
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def read_docx(reading: Reading) -> list[Block]:
    """Blocks of a Word document: headings by style or outline, paragraphs, text boxes, tables, foot- and endnotes."""
    with open_archive(reading.path):
        pass  # checks sizes before anything is unpacked
    document = docx.Document(str(reading.path))
    reading.title = document.core_properties.title or ""
    blocks = list(_blocks(document.element.body, document))
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.endswith(_NOTES):
            blocks += _notes(relation.target_part.blob)
    return blocks


def _blocks(parent: Any, document: Any) -> Iterator[Block]:
    for element in parent:
        if element.tag == _P:
            yield from _paragraph(element, document)
        elif element.tag == _TBL:
            yield from _table(element, document)
        elif element.tag in _HOLDERS:
            yield from _blocks(element, document)


def _paragraph(element: Any, document: Any) -> Iterator[Block]:
    paragraph = Paragraph(element, document._body)
    text = clean(paragraph.text).strip()
    if text:
        level = _level(paragraph)
        if level:
            yield Block(BlockKind.HEADING, " ".join(text.split()), level=level)
        else:
            yield Block(BlockKind.PARAGRAPH, text)
    for box in element.iter(_TEXT_BOX):
        # Word writes every text box twice, for itself and as a fallback for older programs.
        if not any(above.tag == _FALLBACK for above in box.iterancestors()):
            yield from _blocks(box, document)


def _level(paragraph: Paragraph) -> int:
    style = paragraph.style
    name = (style.name or "") if style is not None else ""
    if name.lower() == "title":
        return 1
    heading = _HEADING_STYLE.match(name)
    if heading:
        return max(1, min(6, int(heading[1])))
    sources = [paragraph._p, style.element if style is not None else None]
    for source in sources:
        found = next(source.iter(_OUTLINE), None) if source is not None else None
        value = found.get(_VAL, "") if found is not None else ""
        if value.isdigit() and int(value) < 6:
            return int(value) + 1
    return 0


def _table(table: Any, document: Any) -> Iterator[Block]:
    rows = []
    inner: list[Any] = []
    for row in table.iter(_TR):
        if next(row.iterancestors(_TBL)) is not table:
            continue
        cells = [cell for cell in row.iter(_TC) if next(cell.iterancestors(_TBL)) is table]
        rows.append([_cell_text(cell, document) for cell in cells])
        inner += [nested for cell in cells for nested in cell if nested.tag == _TBL]
    yield from table_blocks(rows)
    for nested in inner:
        yield from _table(nested, document)


def _cell_text(cell: Any, document: Any) -> str:
    return " ".join(block.text for child in cell if child.tag != _TBL for block in _blocks([child], document))


def _notes(xml: bytes) -> Iterator[Block]:
    from docx.oxml.parser import parse_xml

    for note in parse_xml(xml):
        text = " ".join(clean("".join(piece.text or "" for piece in note.iter(_T))).split())
        if text:
            yield Block(BlockKind.PARAGRAPH, text)
