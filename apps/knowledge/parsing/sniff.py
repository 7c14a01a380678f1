"""Tell a file's type from its bytes. Names and declared content types are never trusted."""

from __future__ import annotations

import zipfile
from pathlib import Path

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.types import SourceKind

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PDF_SEARCH_BYTES = 1024
_MAX_UNPACKED_BYTES = 200 * 1024 * 1024
_BINARY_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"ID3", "a sound file"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf", "a compressed archive"),
    (b"Rar!", "a compressed archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x0b\x1b\x08\x00")
_SUPPORTED = "Upload PDF, DOCX, Markdown or plain text."


def sniff(path: Path) -> SourceKind:
    """The kind of the file at `path`.

    Raises:
        UnreadableFile: the file is empty, or of a kind that is not read here.
    """
    with path.open("rb") as file:
        head = file.read(8192)
    if not head.strip(b" \t\r\n\x00"):
        raise UnreadableFile("empty_file", "The file is empty. Check it on your side and upload it again.")
    if b"%PDF-" in head[:_PDF_SEARCH_BYTES]:
        return SourceKind.PDF
    if head.startswith(_ZIP):
        return _sniff_zip(path)
    if head.startswith(_OLE):
        raise UnreadableFile(
            "old_office_file",
            "This is an old or password-protected Office file. Open it, remove the password, save it as DOCX or PDF.",
        )
    for magic, what in _BINARY_MAGICS:
        if head.startswith(magic):
            raise UnreadableFile("unsupported_type", f"This is {what}, not a text document. {_SUPPORTED}")
    if _looks_like_html(head):
        raise UnreadableFile("unsupported_type", "This is a web page. Print it to PDF and upload that.")
    if _is_binary(head):
        raise UnreadableFile("unsupported_type", f"This is not a text document. {_SUPPORTED}")
    return SourceKind.TEXT


def _sniff_zip(path: Path) -> SourceKind:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except zipfile.BadZipFile:
        raise UnreadableFile(
            "broken_file",
            "The file is cut off or damaged. Save it again and upload the new copy.",
        ) from None
    if sum(info.file_size for info in infos) > _MAX_UNPACKED_BYTES:
        raise UnreadableFile("too_large_unpacked", "Unpacked, the file is larger than 200 MB. Split it.")
    names = {info.filename for info in infos}
    if "word/document.xml" in names:
        return SourceKind.DOCX
    if any(name.startswith("xl/") for name in names):
        raise UnreadableFile("unsupported_type", "This is a spreadsheet. Save it as CSV or PDF and upload that.")
    if any(name.startswith("ppt/") for name in names):
        raise UnreadableFile("unsupported_type", "This is a slide deck. Save it as PDF and upload that.")
    raise UnreadableFile("unsupported_type", f"This is an archive, not a document. {_SUPPORTED}")


def _looks_like_html(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _is_binary(head: bytes) -> bool:
    """More than 2 % control characters; UTF-16 text is full of zero bytes and tells by its mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    controls = sum(1 for byte in head if byte < 32 and byte not in _TEXT_CONTROLS)
    zeros = head.count(0)
    return controls > len(head) * 0.02 or zeros > len(head) * 0.1
