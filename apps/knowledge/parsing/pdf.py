"""PDF into blocks, page by page, by pypdf."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pypdf import PdfReader
from pypdf.errors import LimitReachedError, PyPdfError

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.encoding import clean
from apps.knowledge.parsing.reading import MAX_CHARACTERS, Reading
from apps.knowledge.types import Block, BlockKind

_HYPHENATED_END = re.compile(r"(\w)[-\u00ad]\n(?=[a-z\u00df-\u00ff])")
_SENTENCE_END = re.compile(r"[.!?:;][\"')\]]?$")
_SHORT_LINE_SHARE = 0.6
_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
_NAMED_PAGES = 8
MAX_PAGES = 5000
#: What broken files make pypdf raise: anything that follows from taking one object for another.
_DAMAGE = (
    PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError, ArithmeticError,
    NotImplementedError, AssertionError,
)  # fmt: skip


def read_pdf(reading: Reading) -> list[Block]:
    """Blocks of a PDF.

    Raises:
        UnreadableFile: it needs a password, is damaged, unpacks without measure, or holds no text (a scan).
    """
    reader = _open(reading)
    count = len(reader.pages)
    if count > MAX_PAGES:
        raise UnreadableFile("too_many_pages", f"The PDF has {count} pages, more than {MAX_PAGES}. Split it.")
    pages = _Pages(reader, count)
    reading.pages = count
    blocks = list(pages.blocks())
    if not blocks:
        raise pages.without_text()
    for what, numbers in (("could not be read", pages.broken), ("have no text (pictures or scans?)", pages.empty)):
        if numbers:
            reading.note(f"{_named(numbers)} {what}.")
    _note_attachments(reader, reading)
    return blocks


def _open(reading: Reading) -> PdfReader:
    try:
        reader = PdfReader(reading.path)
        # Many PDFs are encrypted with an empty user password (printing limits only): those open for everyone.
        if reader.is_encrypted and not reader.decrypt("") and not reader.decrypt(reading.password):
            is_wrong = bool(reading.password)
            raise UnreadableFile(
                "encrypted_pdf",
                "The password does not open the PDF. Try again with the right one."
                if is_wrong
                else "The PDF is protected by a password. Give the password, or upload a copy without it.",
            )
        len(reader.pages)
        reading.title = _title(reader)
    except _DAMAGE as error:
        raise UnreadableFile(
            "broken_file",
            "The PDF is damaged and cannot be opened. Print it to a new PDF and upload that.",
        ) from error
    return reader


def _title(reader: PdfReader) -> str:
    try:
        return " ".join(clean(str(reader.metadata.title or "")).split()) if reader.metadata else ""
    except _DAMAGE:
        return ""


class _Pages:
    """The pages of a file, one after the other; a page that cannot be read does not lose the others."""

    def __init__(self, reader: PdfReader, count: int) -> None:
        self.reader, self.count = reader, count
        self.broken: list[int] = []
        self.empty: list[int] = []
        self.is_bomb = False

    def blocks(self) -> Iterator[Block]:
        characters = 0
        for index in range(self.count):
            found = list(_page_blocks(self._text(index), index + 1))
            if not found and index + 1 not in self.broken:
                self.empty.append(index + 1)
            characters += sum(len(block.text) for block in found)
            if characters > MAX_CHARACTERS:
                raise UnreadableFile("too_much_text", "The PDF holds more than 10 million characters. Split it.")
            yield from found

    def without_text(self) -> UnreadableFile:
        """Why there is nothing."""
        if self.is_bomb:
            message = "Unpacked, the PDF is far larger than it looks. Print it to a new PDF and upload that."
            return UnreadableFile("too_large_unpacked", message)
        if self.broken:
            message = "The PDF is damaged: no page can be read. Print it to a new PDF and upload that."
            return UnreadableFile("broken_file", message)
        message = "The PDF has no text in it, it is probably a scan. Run text recognition (OCR) on it first."
        return UnreadableFile("no_text", message)

    def _text(self, index: int) -> str:
        try:
            return self.reader.pages[index].extract_text()
        except LimitReachedError:
            self.is_bomb = True
        except _DAMAGE:
            pass
        self.broken.append(index + 1)
        return ""


def _page_blocks(raw: str, page: int) -> list[Block]:
    text = _HYPHENATED_END.sub(r"\1", clean(raw).translate(_LIGATURES))
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


def _named(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:_NAMED_PAGES]))
    more = f" and {len(numbers) - _NAMED_PAGES} more" if len(numbers) > _NAMED_PAGES else ""
    return f"Page {shown}" if len(numbers) == 1 else f"Pages {shown}{more}"


def _note_attachments(reader: PdfReader, reading: Reading) -> None:
    try:
        names = [" ".join(clean(name).split())[:100] for name in list(reader.attachments)[:3]]
    except _DAMAGE:
        return
    if names:
        reading.note(f"Files attached to the PDF were not read: {', '.join(names)}.")
