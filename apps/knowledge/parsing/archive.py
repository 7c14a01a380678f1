"""Zip archives that documents are made of, opened only where they unpack to a bounded size."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from apps.knowledge.errors import UnreadableFile

MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_MEMBER_BYTES = 100 * 1024 * 1024
MAX_MEMBERS = 20_000
_ENCRYPTED_FLAG = 0x1


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive at `path`. Members are read by name and never written to disk.

    Raises:
        UnreadableFile: damaged, encrypted, or too large unpacked.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise UnreadableFile(
            "broken_file", "The file is cut off or damaged. Save it again and upload the new copy."
        ) from None
    with archive:
        infos = archive.infolist()
        # A member never gives more bytes than its entry says, so the sum is a true bound.
        if len(infos) > MAX_MEMBERS or sum(info.file_size for info in infos) > MAX_UNPACKED_BYTES:
            raise UnreadableFile(
                "too_large_unpacked",
                f"Unpacked, the file is larger than {MAX_UNPACKED_BYTES // 1024**2} MB. Split it into smaller files.",
            )
        if any(info.flag_bits & _ENCRYPTED_FLAG for info in infos):
            raise UnreadableFile(
                "encrypted_file", "The file is protected by a password. Save a copy without it and upload that."
            )
        yield archive


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of one member. Raises KeyError where there is none, UnreadableFile where it is too large."""
    info = archive.getinfo(name)
    if info.file_size > MAX_MEMBER_BYTES:
        raise UnreadableFile(
            "too_large_unpacked",
            f"Unpacked, a part of the file is larger than {MAX_MEMBER_BYTES // 1024**2} MB. Split it.",
        )
    return archive.read(info)


def xml(data: bytes) -> Element:
    """A parsed XML part; entities are refused, so that none can grow.

    Raises:
        UnreadableFile: it defines entities, or is no well-formed XML.
    """
    # Imported here: most files hold no XML.
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        parsed: Any = fromstring(data)
    except DefusedXmlException:
        raise UnreadableFile(
            "hostile_file", "The file defines XML entities, which can grow without end. Save it without a DOCTYPE."
        ) from None
    except (ParseError, ValueError, LookupError):
        raise UnreadableFile(
            "broken_file", "The file's XML is damaged. Save it again and upload the new copy."
        ) from None
    root: Element = parsed
    return root


def local(tag: Any) -> str:
    """An XML tag without its namespace."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
