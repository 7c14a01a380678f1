"""OpenDocument texts and presentations into blocks (spreadsheets go with the other spreadsheets)."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.archive import local, member, open_archive, xml
from apps.knowledge.parsing.encoding import clean
from apps.knowledge.parsing.reading import Reading
from apps.knowledge.parsing.tables import table_blocks
from apps.knowledge.types import Block, BlockKind

_SKIPPED = frozenset(("tracked-changes", "annotation", "forms", "sequence-decls"))


def read_open_document(reading: Reading) -> list[Block]:
    """Blocks of an ODT or ODP file: headings by outline level, paragraphs, tables; slides as pages."""
    with open_archive(reading.path) as archive:
        try:
            manifest = member(archive, "META-INF/manifest.xml")
        except KeyError:
            manifest = b""
        if b"encryption-data" in manifest:
            raise UnreadableFile(
                "encrypted_file", "The file is protected by a password. Save a copy without it and upload that."
            )
        root = xml(member(archive, "content.xml"))
    body = next((element for element in root.iter() if local(element.tag) == "body"), root)
    return list(_blocks(body, [0]))


def _blocks(parent: Element, slide: list[int]) -> Iterator[Block]:
    for element in parent:
        tag = local(element.tag)
        page = slide[0] or None
        if tag in _SKIPPED:
            continue
        if tag == "page":
            slide[0] += 1
            yield Block(BlockKind.HEADING, f"Slide {slide[0]}", level=1, page=slide[0])
            yield from _blocks(element, slide)
        elif tag in ("h", "p"):
            text = _text(element)
            if text and tag == "h":
                yield Block(BlockKind.HEADING, " ".join(text.split()), level=_level(element), page=page)
            elif text:
                yield Block(BlockKind.PARAGRAPH, text, page=page)
        elif tag == "table":
            rows = (row for row in element.iter() if local(row.tag) == "table-row")
            cells = ([_text(cell) for cell in row if local(cell.tag) == "table-cell"] for row in rows)
            yield from table_blocks(cells, page)
        else:
            yield from _blocks(element, slide)


def _level(heading: Element) -> int:
    value = next((v for k, v in heading.attrib.items() if local(k) == "outline-level"), "1")
    return min(6, int(value)) if value.isdigit() else 1


def _text(element: Element) -> str:
    """The text below an element; tabs, breaks and runs of spaces are elements of their own."""
    parts: list[str] = [element.text or ""]
    for child in element:
        tag = local(child.tag)
        if tag in ("tab", "s"):
            parts.append(" ")
        elif tag == "line-break":
            parts.append("\n")
        elif tag not in _SKIPPED:
            parts.append(_text(child) + ("\n" if tag == "p" else ""))
        parts.append(child.tail or "")
    return clean("".join(parts)).strip()
