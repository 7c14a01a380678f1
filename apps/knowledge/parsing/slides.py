"""PowerPoint decks into blocks; a slide is a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE

from apps.knowledge.parsing.archive import open_archive
from apps.knowledge.parsing.encoding import clean
from apps.knowledge.parsing.reading import Reading
from apps.knowledge.parsing.tables import table_blocks
from apps.knowledge.types import Block, BlockKind

_MAX_DEPTH = 30


def read_slides(reading: Reading) -> list[Block]:
    """Titles as headings, text, tables, the figures behind charts, descriptions of pictures, and speaker notes."""
    with open_archive(reading.path):
        pass  # checks sizes before anything is unpacked
    deck = Presentation(str(reading.path))
    reading.title = deck.core_properties.title or ""
    blocks: list[Block] = []
    reading.pages = len(deck.slides)
    for number, slide in enumerate(deck.slides, start=1):
        title = slide.shapes.title
        heading = " ".join(clean(title.text_frame.text).split()) if title is not None else ""
        blocks.append(Block(BlockKind.HEADING, heading or f"Slide {number}", level=1, page=number))
        shapes = (shape for shape in slide.shapes if title is None or shape.shape_id != title.shape_id)
        blocks += _shapes(shapes, number, 0)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            blocks += _paragraph(slide.notes_slide.notes_text_frame.text, number)
    if not any(block.kind is not BlockKind.HEADING or block.text != f"Slide {block.page}" for block in blocks):
        return []
    return blocks


def _shapes(shapes: Iterable[Any], page: int, depth: int) -> Iterator[Block]:
    for shape in shapes:
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            if depth < _MAX_DEPTH:
                yield from _shapes(shape.shapes, page, depth + 1)
        elif getattr(shape, "has_table", False):
            yield from table_blocks(([cell.text for cell in row.cells] for row in shape.table.rows), page)
        elif getattr(shape, "has_chart", False):
            yield from _chart(shape.chart, page)
        elif shape.has_text_frame:
            yield from _paragraph(shape.text_frame.text, page)
        elif shape.shape_type == MSO_SHAPE_TYPE.PICTURE:
            yield from _paragraph(shape._element._nvXxPr.cNvPr.get("descr") or "", page)


def _chart(chart: Any, page: int) -> Iterator[Block]:
    if chart.has_title and chart.chart_title.has_text_frame:
        yield from _paragraph(chart.chart_title.text_frame.text, page)
    for plot in chart.plots:
        series = list(plot.series)
        rows = [["", *(one.name for one in series)]]
        columns = [list(one.values) for one in series]
        for place, category in enumerate(plot.categories):
            rows.append([str(category), *(column[place] if place < len(column) else None for column in columns)])
        yield from table_blocks(rows, page)


def _paragraph(text: str, page: int) -> Iterator[Block]:
    body = "\n".join(line.strip() for line in clean(text).split("\n") if line.strip())
    if body:
        yield Block(BlockKind.PARAGRAPH, body, page=page)
