"""From the bytes of an uploaded text file to characters, or an error that names the row.

UTF-8 (with or without byte order mark), UTF-16 (with byte order mark) and Windows-1252 (a superset of Latin-1's
printable characters) are read. A file that is UTF-8 but for a few broken bytes is refused rather than read as
Windows-1252: that would silently turn every accented letter of it into two wrong ones.
"""

from __future__ import annotations

import codecs

from apps.core.errors import InvalidInput

_CONTAINERS = {
    b"PK\x03\x04": "a zip, Excel or Word file",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
}
_UTF16_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def decode(data: bytes, filename: str) -> str:
    """The text of an uploaded file.

    Raises:
        InvalidInput: `not_a_text_file` or `undecodable_file`; the error names the file and, where known, the row.
    """
    for magic, what in _CONTAINERS.items():
        if data.startswith(magic):
            raise InvalidInput(
                "not_a_text_file",
                f"“{filename}” is {what}. Export the table as CSV or JSONL and upload that.",
                errors=[{"file": filename, "message": f"This is {what}, not CSV or JSONL."}],
            )
    for mark, encoding in _UTF16_MARKS.items():
        if data.startswith(mark):
            return _decode_utf16(data[len(mark) :], encoding, filename)
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _decode_single_byte(data, error, filename)


def _decode_utf16(data: bytes, encoding: str, filename: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        newline = "\n".encode(encoding)
        raise _undecodable(filename, data[: error.start].count(newline) + 1, "UTF-16", data[error.start]) from error


def _decode_single_byte(data: bytes, error: UnicodeDecodeError, filename: str) -> str:
    if _looks_like_utf8(data):
        row = data.count(b"\n", 0, error.start) + 1
        raise _undecodable(filename, row, "UTF-8", data[error.start])
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as second:
        row = data.count(b"\n", 0, second.start) + 1
        raise _undecodable(filename, row, "UTF-8 or Latin-1", data[second.start]) from second


def _looks_like_utf8(data: bytes) -> bool:
    """Whether more of the non-ASCII part is sound UTF-8 than is not."""
    text = data.decode("utf-8", errors="surrogateescape")
    broken = sum(1 for character in text if "\udc80" <= character <= "\udcff")
    sound = sum(1 for character in text if character > "\x7f") - broken
    return sound > broken


def _undecodable(filename: str, row: int, encoding: str, byte: int) -> InvalidInput:
    message = f"Byte 0x{byte:02x} in line {row} is not valid {encoding}."
    return InvalidInput(
        "undecodable_file",
        f"“{filename}” cannot be read as text: {message} Save the file as UTF-8 and upload it again.",
        errors=[{"file": filename, "row": row, "message": message}],
    )
