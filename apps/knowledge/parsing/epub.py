"""EPUB books into blocks, chapter by chapter in reading order."""

from __future__ import annotations

import posixpath
import zipfile
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.archive import local, member, open_archive, xml
from apps.knowledge.parsing.html import html_blocks
from apps.knowledge.parsing.reading import Reading
from apps.knowledge.types import Block, BlockKind

_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_FONTS_ONLY = ("font", "obfuscation")


def read_epub(reading: Reading) -> list[Block]:
    """Blocks of a book; every chapter begins with a heading, so that a citation names it.

    Raises:
        UnreadableFile: it is locked to a reading system, or its contents are missing.
    """
    with open_archive(reading.path) as archive:
        _refuse_locked(archive)
        package_name = _package_name(archive)
        package = xml(member(archive, package_name))
        reading.title = _title(package)
        blocks: list[Block] = []
        for number, name in enumerate(_chapters(package, posixpath.dirname(package_name)), start=1):
            try:
                title, found = html_blocks(member(archive, name))
            except KeyError:
                reading.note(f"Chapter {number} is missing in the book.")
                continue
            if found and found[0].kind is not BlockKind.HEADING:
                heading = title if title and title != reading.title else f"Chapter {number}"
                blocks.append(Block(BlockKind.HEADING, heading, level=1))
            blocks += found
    return blocks


def _refuse_locked(archive: zipfile.ZipFile) -> None:
    try:
        encryption = xml(member(archive, "META-INF/encryption.xml"))
    except KeyError:
        return
    methods = [e.get("Algorithm", "") for e in encryption.iter() if local(e.tag) == "EncryptionMethod"]
    if any(not any(word in method.lower() for word in _FONTS_ONLY) for method in methods):
        raise UnreadableFile("encrypted_file", "The book is locked (DRM). Upload a copy that is not.")


def _package_name(archive: zipfile.ZipFile) -> str:
    container = xml(member(archive, "META-INF/container.xml"))
    for element in container.iter():
        if local(element.tag) == "rootfile" and element.get("full-path"):
            return str(element.get("full-path"))
    raise UnreadableFile("broken_file", "The book does not say where its contents are. Save it again.")


def _title(package: Element) -> str:
    return next((" ".join((e.text or "").split()) for e in package.iter() if local(e.tag) == "title"), "")


def _chapters(package: Element, folder: str) -> list[str]:
    items = {
        e.get("id"): (e.get("href", ""), e.get("media-type", "")) for e in package.iter() if local(e.tag) == "item"
    }
    spine = [e.get("idref") for e in package.iter() if local(e.tag) == "itemref"]
    found = [items[key][0] for key in dict.fromkeys(spine) if key in items and items[key][1] in _PAGES]
    if not found:
        found = [href for href, kind in items.values() if kind in _PAGES]
    return [posixpath.normpath(posixpath.join(folder, unquote(href.split("#", 1)[0]))) for href in found]
