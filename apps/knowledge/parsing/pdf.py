"""PDF into blocks, page by page, by pypdf."""

from __future__ import annotations

import re
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.text import clean
from apps.knowledge.types import Block, BlockKind

_HYPHENATED_END = re.compile(r"(\w)[-\u00ad]\n(?=[a-z\u00df-\u00ff])")
_SENTENCE_END = re.compile(r"[.!?:;][\"')\]]?$")
_SHORT_LINE_SHARE = 0.6
MAX_PAGES = 2000


def read_pdf(path: Path) -> list[Block]:
    """Blocks of a PDF.

    Raises:
        UnreadableFile: it needs a password, is damaged, or holds no text (a scan).
    """
    reader = _open(path)
    blocks: list[Block] = []
    page_count = len(reader.pages)
    if page_count > MAX_PAGES:
        raise UnreadableFile("too_many_pages", f"The PDF has {page_count} pages, more than {MAX_PAGES}. Split it.")
    for number in range(page_count):
        blocks.extend(_page_blocks(_page_text(reader, number), number + 1))
    if not blocks:
        raise UnreadableFile(
            "no_text",
            "The PDF has no text in it, it is probably a scan. Run text recognition (OCR) on it first.",
        )
    return blocks


def _open(path: Path) -> PdfReader:
    try:
        reader = PdfReader(path)
        # Many PDFs are encrypted with an empty user password (printing limits only): those open for everyone.
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableFile(
                "encrypted_pdf", "The PDF is protected by a password. Save a copy without the password and upload that."
            )
        len(reader.pages)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError) as error:
        raise UnreadableFile(
            "broken_file",
            "The PDF is damaged and cannot be opened. Print it to a new PDF and upload that.",
        ) from error
    return reader


def _page_text(reader: PdfReader, index: int) -> str:
    """One page's text; a page that cannot be read does not lose the others."""
    try:
        return reader.pages[index].extract_text()
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError):
        return ""


def _page_blocks(raw: str, page: int) -> list[Block]:
    text = _HYPHENATED_END.sub(r"\1", clean(raw))
    lines = [line.rstrip() for line in text.split("\n")]
    widest = max((len(line) for line in lines), default=0)
    blocks: list[Block] = []
    pending: list[str] = []
    for line in lines:
        if not line.strip():
            _flush(pending, page, blocks)
            continue
        pending.append(line.strip())
        # A line that ends a sentence well before the margin ends its paragraph: PDFs seldom have blank lines.
        if _SENTENCE_END.search(line) and len(line) < widest * _SHORT_LINE_SHARE:
            _flush(pending, page, blocks)
    _flush(pending, page, blocks)
    return blocks


def _flush(pending: list[str], page: int, blocks: list[Block]) -> None:
    if pending:
        blocks.append(Block(BlockKind.PARAGRAPH, "\n".join(pending), page=page))
        pending.clear()
