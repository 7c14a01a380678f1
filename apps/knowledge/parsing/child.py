"""The parsing child: `python -m apps.knowledge.parsing.child FILE` writes one JSON object to its standard output.

It runs under hard limits of memory and processor time, so a hostile file costs its own process and nothing else.
What the user calls the file, and its password, come on standard input: other processes cannot see them there.
"""

from __future__ import annotations

import json
import logging
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.reading import MAX_CHARACTERS, Reading
from apps.knowledge.parsing.sniff import sniff
from apps.knowledge.types import Block, FileKind

#: Module, function and what to call the file; each is imported for its own format only: the child starts fast.
_READERS: dict[FileKind, tuple[str, str, str]] = {
    FileKind.TEXT: ("text", "read_text", "text file"),
    FileKind.MARKDOWN: ("text", "read_text", "Markdown file"),
    FileKind.TABLE: ("tables", "read_table", "table"),
    FileKind.HTML: ("html", "read_html", "web page"),
    FileKind.XML: ("structured", "read_xml", "XML file"),
    FileKind.JSON: ("structured", "read_json", "JSON file"),
    FileKind.NOTEBOOK: ("structured", "read_notebook", "notebook"),
    FileKind.PDF: ("pdf", "read_pdf", "PDF"),
    FileKind.DOCX: ("docx", "read_docx", "Word document"),
    FileKind.PPTX: ("slides", "read_slides", "slide deck"),
    FileKind.SPREADSHEET: ("spreadsheet", "read_spreadsheet", "spreadsheet"),
    FileKind.EPUB: ("epub", "read_epub", "book"),
    FileKind.OPEN_DOCUMENT: ("opendocument", "read_open_document", "document"),
    FileKind.RTF: ("rtf", "read_rtf", "RTF file"),
    FileKind.EMAIL: ("mail", "read_email", "message"),
    FileKind.OUTLOOK: ("mail", "read_outlook", "message"),
}
_WITH_ATTACHMENTS = (FileKind.EMAIL, FileKind.OUTLOOK)


def read_blocks(reading: Reading) -> tuple[FileKind, list[Block]]:
    """Sniff and read the file.

    Raises:
        UnreadableFile: with what is wrong and what to do.
    """
    called = "file"
    try:
        kind = sniff(reading.path, reading.name)
        module, function, called = _READERS[kind]
        reader = getattr(import_module(f"apps.knowledge.parsing.{module}"), function)
        blocks = reader(reading, _read_attachment) if kind in _WITH_ATTACHMENTS else reader(reading)
    except (UnreadableFile, MemoryError):
        raise
    except RecursionError:
        raise UnreadableFile(
            "nested_too_deeply", f"The {called} is nested too deeply to be read. Simplify it, or save its text."
        ) from None
    except Exception as error:
        # Each library has its own ways to stumble over damage; this process is there to stumble in.
        raise UnreadableFile(
            "broken_file", f"The {called} is damaged. Open it on your side, save it again and upload the new copy."
        ) from error
    if sum(len(block.text) for block in blocks) > MAX_CHARACTERS:
        raise UnreadableFile("too_much_text", "The document holds more than 10 million characters. Split it.")
    if not any(character.isalnum() for block in blocks for character in block.text):
        raise UnreadableFile("no_text", f"There is no readable text in the {called}. Write its content as text.")
    return kind, blocks


def _read_attachment(reading: Reading) -> list[Block]:
    return read_blocks(reading)[1]


def _answer(reading: Reading) -> dict[str, Any]:
    try:
        kind, blocks = read_blocks(reading)
    except UnreadableFile as error:
        return {"error": {"code": error.code, "message": error.message}}
    except MemoryError:
        message = "Reading the file needs more memory than is allowed. Split it into smaller files."
        return {"error": {"code": "too_large_unpacked", "message": message}}
    return {
        "kind": kind.value,
        "title": reading.title[:300],
        "notes": reading.notes,
        "pages": reading.pages,
        "blocks": [block.as_json() for block in blocks],
    }


def main() -> int:
    """Read the file named on the command line."""
    logging.disable(logging.CRITICAL)
    hints = json.loads(sys.stdin.read() or "{}")
    reading = Reading(Path(sys.argv[1]), name=hints.get("name", ""), password=hints.get("password", ""))
    answer = json.dumps(_answer(reading), ensure_ascii=False).encode("utf-8", "replace")
    sys.stdout.buffer.write(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
