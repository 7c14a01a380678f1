"""Rich text (RTF) into blocks."""

from __future__ import annotations

import re
from collections.abc import Callable

from striprtf.striprtf import rtf_to_text as _untyped_rtf_to_text

from apps.knowledge.parsing.encoding import clean
from apps.knowledge.parsing.reading import Reading
from apps.knowledge.parsing.text import text_blocks
from apps.knowledge.types import Block

_CODE_PAGE = re.compile(rb"\\ansicpg(\d{3,5})")


def read_rtf(reading: Reading) -> list[Block]:
    """Paragraphs of an RTF file; each line is one."""
    data = reading.path.read_bytes()
    found = _CODE_PAGE.search(data[:4096])
    encoding = f"cp{found[1].decode()}" if found else "cp1252"
    rtf_to_text: Callable[..., str] = _untyped_rtf_to_text
    try:
        text = rtf_to_text(data.decode("latin-1"), encoding=encoding, errors="replace")
    except LookupError:
        text = rtf_to_text(data.decode("latin-1"), encoding="cp1252", errors="replace")
    return list(text_blocks("\n\n".join(line for line in clean(text).split("\n"))))
