"""What can go wrong in knowledge bases, with stable codes."""

from __future__ import annotations

from apps.core.errors import Conflict, InvalidInput


class UnreadableFile(InvalidInput):
    """A file that cannot become text; raised while parsing and turned into the document's `cause`.

    Its message says what is wrong and what to do; it does not name the file.
    """


class FileTooLarge(InvalidInput):
    """An upload above the size limit."""


class NothingToRelease(Conflict):
    """A knowledge base without a single ready document has nothing to freeze."""
