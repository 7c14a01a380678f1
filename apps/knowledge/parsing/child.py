"""The parsing child: `python -m apps.knowledge.parsing.child FILE` writes one JSON object to its standard output.

It runs under hard limits of memory and processor time, so a hostile file costs its own process and nothing else.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.sniff import sniff
from apps.knowledge.types import Block, SourceKind

MAX_CHARACTERS = 10_000_000


def read_blocks(path: Path) -> tuple[SourceKind, list[Block]]:
    """Sniff and read the file.

    Raises:
        UnreadableFile: with what is wrong and what to do.
    """
    kind = sniff(path)
    # Each reader is imported only for its own format: the child starts faster and stays smaller.
    if kind is SourceKind.PDF:
        from apps.knowledge.parsing.pdf import read_pdf

        blocks = read_pdf(path)
    elif kind is SourceKind.DOCX:
        from apps.knowledge.parsing.docx import read_docx

        blocks = read_docx(path)
    else:
        from apps.knowledge.parsing.text import read_text

        blocks = read_text(path.read_bytes())
    if sum(len(block.text) for block in blocks) > MAX_CHARACTERS:
        raise UnreadableFile("too_much_text", "The document holds more than 10 million characters. Split it.")
    if not any(character.isalnum() for block in blocks for character in block.text):
        raise UnreadableFile("no_text", "There is no readable text in the file.")
    return kind, blocks


def _answer(path: Path) -> dict[str, Any]:
    try:
        kind, blocks = read_blocks(path)
    except UnreadableFile as error:
        return {"error": {"code": error.code, "message": error.message}}
    except MemoryError:
        message = "Reading the file needs more memory than is allowed. Split it into smaller files."
        return {"error": {"code": "too_large_unpacked", "message": message}}
    return {"kind": kind.value, "blocks": [block.as_json() for block in blocks]}


def main() -> int:
    """Read the file named on the command line."""
    logging.disable(logging.CRITICAL)
    json.dump(_answer(Path(sys.argv[1])), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
