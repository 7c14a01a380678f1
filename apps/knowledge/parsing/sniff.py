"""Tell a file's type from its bytes. Names and declared content types are never trusted; a name breaks ties of text."""

from __future__ import annotations

import json
import re
from pathlib import Path

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.archive import member, open_archive
from apps.knowledge.parsing.encoding import clean, decode, wide_encoding
from apps.knowledge.parsing.tables import delimiter_of
from apps.knowledge.types import FileKind

SUPPORTED = (
    "Upload PDF, Word, PowerPoint, Excel, OpenDocument, HTML, EPUB, e-mail, a notebook, CSV, JSON, Markdown or text."
)
_HEAD_BYTES = 64 * 1024
_PDF_SEARCH_BYTES = 1024
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BINARY_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"BM", "a picture"),
    (b"II*\x00", "a picture"),
    (b"MM\x00*", "a picture"),
    (b"RIFF", "a picture, sound or film"),
    (b"ID3", "a sound file"),
    (b"OggS", "a sound file"),
    (b"fLaC", "a sound file"),
    (b"\x1a\x45\xdf\xa3", "a film"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"BZh", "a compressed archive"),
    (b"\xfd7zXZ", "a compressed archive"),
    (b"7z\xbc\xaf", "a compressed archive"),
    (b"Rar!", "a compressed archive"),
    (b"SQLite format 3\x00", "a database"),
    (b"PAR1", "a Parquet table"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"%!PS", "a PostScript file"),
)
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x0b\x1b\x08\x00")
_HTML = re.compile(r"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_HTML_TAGS = re.compile(r"</?(?:p|div|span|table|tr|td|h[1-6]|ul|ol|li|a|br|section|article|main)\b[^>]*>", re.I)
_MAIL_HEADER = re.compile(
    r"^(?:from|to|cc|subject|date|received|return-path|message-id|mime-version|delivered-to|reply-to|x-[\w-]+|"
    r"content-type|dkim-signature|authentication-results|arc-[\w-]+|sender|list-[\w-]+):",
    re.I,
)
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument."


def sniff(path: Path, name: str = "") -> FileKind:
    """The kind of the file at `path`.

    Raises:
        UnreadableFile: the file is empty, or of a kind that is not read here.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.strip(b" \t\r\n\x00"):
        raise UnreadableFile("empty_file", "The file is empty. Check it on your side and upload it again.")
    if b"%PDF-" in head[:_PDF_SEARCH_BYTES]:
        return FileKind.PDF
    if head.startswith(_ZIP):
        return _sniff_zip(path)
    if head.startswith(_OLE):
        return _sniff_ole(path)
    if head.startswith(b"{\\rtf"):
        return FileKind.RTF
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff"))
    for magic, what in () if is_wide else _BINARY_MAGICS:
        if head.startswith(magic) and _is_binary(head):
            raise UnreadableFile("unsupported_type", f"This is {what}, not a text document. {SUPPORTED}")
    if _is_film(head):
        raise UnreadableFile("unsupported_type", f"This is a film or sound file, not a text document. {SUPPORTED}")
    if not is_wide and _is_binary(head):
        raise UnreadableFile("unsupported_type", f"This is not a text document. {SUPPORTED}")
    return _sniff_text(path, head, name)


def _is_film(head: bytes) -> bool:
    return head[4:8] == b"ftyp" or (head[:2] in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2") and _is_binary(head))


def _sniff_zip(path: Path) -> FileKind:
    with open_archive(path) as archive:
        names = set(archive.namelist())
        kind = member(archive, "mimetype")[:200] if "mimetype" in names else b""
    if kind.startswith(b"application/epub+zip") or "META-INF/container.xml" in names:
        return FileKind.EPUB
    if kind.startswith(_OPEN_DOCUMENT):
        is_sheet = kind.removeprefix(_OPEN_DOCUMENT).startswith(b"spreadsheet")
        return FileKind.SPREADSHEET if is_sheet else FileKind.OPEN_DOCUMENT
    if "word/document.xml" in names:
        return FileKind.DOCX
    if "ppt/presentation.xml" in names:
        return FileKind.PPTX
    if {"xl/workbook.xml", "xl/workbook.bin"} & names:
        return FileKind.SPREADSHEET
    if "[Content_Types].xml" in names:
        raise UnreadableFile(
            "broken_file", "The Office file lacks its main part. Open it on your side, save it and upload the new copy."
        )
    raise UnreadableFile(
        "unsupported_type", "This is an archive, not a document. Unpack it and upload the files that are in it."
    )


def _sniff_ole(path: Path) -> FileKind:
    import olefile

    try:
        with olefile.OleFileIO(str(path)) as container:
            names = {"/".join(entry).lower() for entry in container.listdir()}
    except (OSError, ValueError, IndexError, TypeError):
        raise UnreadableFile(
            "broken_file", "The file is cut off or damaged. Save it again and upload the new copy."
        ) from None
    if "encryptedpackage" in names:
        raise UnreadableFile(
            "encrypted_file",
            "The Office file is protected by a password. Open it, remove the password, save it and upload that.",
        )
    if "__properties_version1.0" in names:
        return FileKind.OUTLOOK
    if {"workbook", "book"} & names:
        return FileKind.SPREADSHEET
    raise UnreadableFile(
        "old_office_file",
        "This is a file of an old Office program. Open it, save it as DOCX, PPTX or PDF and upload that.",
    )


def _sniff_text(path: Path, head: bytes, name: str) -> FileKind:
    is_whole = len(head) < _HEAD_BYTES
    # The head may end within a sign or a line; what follows looks at whole lines only.
    text = clean(decode(head if is_whole else head[: head.rfind(b"\n") + 1] or head)).lstrip("\ufeff")
    start = text.lstrip()
    ending = Path(name).suffix.lower()
    if _HTML.match(text[:4096]) or (start.startswith("<") and len(_HTML_TAGS.findall(text[:20_000])) >= 3):
        return FileKind.HTML
    if start.startswith("<?xml") or (start.startswith("<") and ending in (".xml", ".rss", ".atom", ".svg")):
        return FileKind.XML
    if start[:1] in ("{", "["):
        found = _sniff_json(path, text, is_whole=is_whole)
        if found is not None:
            return found
    if _is_mail(text):
        return FileKind.EMAIL
    if ending in (".md", ".markdown"):
        return FileKind.MARKDOWN
    lines = text if is_whole else text.rpartition("\n")[0]
    if ending in (".csv", ".tsv", ".tab") or (delimiter_of(lines) and not _is_pipe_table(start)):
        return FileKind.TABLE
    return FileKind.TEXT


def _sniff_json(path: Path, text: str, *, is_whole: bool) -> FileKind | None:
    """JSON as a whole, or JSON lines by their first; prose that begins with a bracket is neither."""
    first = text.lstrip().split("\n", 1)[0]
    try:
        value = json.loads(text if is_whole else decode(path.read_bytes()))
    except json.JSONDecodeError:
        try:
            return FileKind.JSON if isinstance(json.loads(first), dict | list) else None
        except json.JSONDecodeError:
            return None
    if isinstance(value, dict) and "nbformat" in value and ("cells" in value or "worksheets" in value):
        return FileKind.NOTEBOOK
    return FileKind.JSON


def _is_mail(text: str) -> bool:
    lines = text.lstrip("\n").split("\n\n", 1)[0].split("\n")
    if lines and lines[0].startswith("From ") and len(lines) > 1:
        lines = lines[1:]
    heads = [line for line in lines if line[:1] not in (" ", "\t")]
    known = sum(1 for line in heads if _MAIL_HEADER.match(line))
    names = {line.split(":", 1)[0].lower() for line in heads}
    return bool({"from", "received", "return-path"} & names) and known >= 3 and known >= len(heads) * 0.5


def _is_pipe_table(start: str) -> bool:
    """A table as Markdown writes it goes with the Markdown."""
    return start.startswith("|") or "\n|" in start[:2000] or "\n# " in start[:2000]


def _is_binary(head: bytes) -> bool:
    """More than 2 % control characters, unless they are the second bytes of UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    controls = sum(1 for byte in head if byte < 32 and byte not in _TEXT_CONTROLS)
    zeros = head.count(0)
    is_suspect = controls > len(head) * 0.02 or zeros > len(head) * 0.1
    return is_suspect and not wide_encoding(head[:8192])
