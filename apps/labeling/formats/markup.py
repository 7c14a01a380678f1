"""Reading XML that somebody else wrote: a small tree with line numbers, without document types and entities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from apps.labeling.formats.items import FormatProblem

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 50
MAX_ELEMENTS = 5_000


@dataclass
class Element:
    """An XML element; `text` is what stands directly in it."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    @property
    def place(self) -> str:
        """For errors: the tag and its line."""
        return f"<{self.tag}> in line {self.line}"

    def walk(self) -> Iterator[Element]:
        """The element and everything in it, in the order of the document."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse(text: str) -> Element:
    """The root of an XML document. Raises FormatProblem naming the line.

    A document type is refused whole: with it go entities, so that nothing is expanded or fetched.
    """
    if len(text) > MAX_CHARACTERS:
        raise FormatProblem(f"The document has more than {MAX_CHARACTERS:,} characters.")
    builder = _Builder()
    try:
        builder.parser.Parse(text, True)  # noqa: FBT003  # expat's own signature: isfinal
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise FormatProblem(f"This is not XML: {reason}.", f"Line {error.lineno}") from error
    assert builder.root is not None  # noqa: S101  # expat refuses a document without an element
    return builder.root


class _Builder:
    def __init__(self) -> None:
        self.parser: Any = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = self.document_type
        self.root: Element | None = None
        self.open: list[Element] = []
        self.count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        element = Element(tag, attributes, line)
        self.count += 1
        if len(self.open) >= MAX_DEPTH or self.count > MAX_ELEMENTS:
            raise FormatProblem(
                f"More than {MAX_ELEMENTS:,} elements, or {MAX_DEPTH} within each other.", element.place
            )
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def end(self, _tag: str) -> None:
        self.open.pop()

    def characters(self, text: str) -> None:
        if self.open:
            self.open[-1].text += text

    def document_type(self, *_parts: Any) -> None:
        raise FormatProblem("A document type (DOCTYPE) is not allowed here.", f"Line {self.parser.CurrentLineNumber}")
