"""HTML into blocks: headings, paragraphs, lists and tables; what people do not see is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from apps.knowledge.parsing.encoding import clean, decode
from apps.knowledge.parsing.reading import Reading
from apps.knowledge.parsing.tables import table_blocks
from apps.knowledge.types import Block, BlockKind

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.\-]{2,40})", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"^\s*<\?xml[^>]{0,100}encoding\s*=\s*[\"']([A-Za-z0-9_.\-]{2,40})")
_HEADING = re.compile(r"^h([1-6])$")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_UNSEEN = frozenset(
    (
        *("script", "style", "noscript", "template", "svg", "math", "iframe", "object", "embed", "canvas", "audio"),
        *("video", "select", "option", "button", "input", "textarea", "dialog", "nav", "head", "title"),
    )
)
_INLINE = frozenset(
    (
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i"),
        *("img", "ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike"),
        *("strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    )
)
_MAIN_SHARE = 0.4


def read_html(reading: Reading) -> list[Block]:
    """Blocks of a web page."""
    title, blocks = html_blocks(reading.path.read_bytes())
    reading.title = reading.title or title
    return blocks


def html_blocks(source: bytes | str) -> tuple[str, list[Block]]:
    """Title and blocks of a page, of its main part where it marks one."""
    text = source if isinstance(source, str) else decode(source, _declared(source[:4096]))
    tree = LexborHTMLParser(text)
    title_node = tree.css_first("title")
    title = " ".join(clean(title_node.text()).split()) if title_node is not None else ""
    body = tree.body
    if body is None:
        return title, []
    blocks = list(_Walk(_main(tree, body)).blocks())
    return title, blocks


def _declared(head: bytes) -> str:
    found = _XML_ENCODING.search(head) or _META_CHARSET.search(head)
    name = found[1].decode().lower() if found else ""
    # Browsers read these as the larger sets that they are in practice.
    return {
        "iso-8859-1": "cp1252",
        "latin-1": "cp1252",
        "us-ascii": "cp1252",
        "shift_jis": "cp932",
        "gb2312": "gb18030",
    }.get(name, name)


def _main(tree: LexborHTMLParser, body: Any) -> Any:
    """`<main>` or the only `<article>`, where most of the text is in it."""
    articles = tree.css("article")
    candidate = tree.css_first("main") or (articles[0] if len(articles) == 1 else None)
    if candidate is None:
        return body
    inside, whole = len(candidate.text(deep=True)), len(body.text(deep=True))
    return candidate if inside >= whole * _MAIN_SHARE else body


class _Walk:
    """Goes through the tree without recursion, however deep it is, and gathers text up to the next block."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.parts: list[str] = []
        self.level = 0
        self.is_preformatted = False

    def blocks(self) -> Iterator[Block]:
        """Blocks in reading order."""
        node, entering = self.root.child, True
        end = self.root.mem_id
        while node is not None and node.mem_id != end:
            if entering:
                descend = False
                for item in self._enter(node):
                    if isinstance(item, Block):
                        yield item
                    else:
                        descend = item
                if descend and node.child is not None:
                    node = node.child
                    continue
            if not entering or node.child is not None:
                yield from self._leave(node, was_skipped=entering)
            following = node.next
            node, entering = (following, True) if following is not None else (node.parent, False)
        yield from self._flush()

    def _enter(self, node: Any) -> Iterator[Block | bool]:
        tag = node.tag
        if tag == "-text":
            self.parts.append(node.text_content or "")
        elif tag == "br":
            self.parts.append("\n" if self.is_preformatted else "\u2028")
        elif tag in _UNSEEN or (tag or "-").startswith(("-", "!")) or _is_hidden(node):
            pass
        elif tag == "table" and _is_data(node):
            yield from self._flush()
            yield from table_blocks(_rows(node))
        elif tag in _INLINE:
            if tag == "img":
                self.parts.append(f" {(node.attributes.get('alt') or '')} ")
            yield True
        else:
            yield from self._flush()
            heading = _HEADING.match(tag)
            if heading:
                self.level = int(heading[1])
            elif tag == "pre":
                self.is_preformatted = True
            elif tag == "li":
                self.parts.append("- ")
            yield True

    def _leave(self, node: Any, *, was_skipped: bool) -> Iterator[Block]:
        tag = node.tag
        if was_skipped or tag in _INLINE or tag in _UNSEEN:
            return
        yield from self._flush()
        if _HEADING.match(tag):
            self.level = 0
        elif tag == "pre":
            self.is_preformatted = False

    def _flush(self) -> Iterator[Block]:
        text = clean("".join(self.parts))
        self.parts = []
        if not self.is_preformatted:
            text = "\n".join(" ".join(line.split()) for line in text.split("\u2028"))
        text = text.strip("\n") if self.is_preformatted else text.strip()
        if not text.strip() or text.strip() == "-":
            return
        if self.level:
            yield Block(BlockKind.HEADING, " ".join(text.split()), level=self.level)
        else:
            yield Block(BlockKind.PARAGRAPH, text)


def _is_hidden(node: Any) -> bool:
    attributes = node.attributes
    return "hidden" in attributes or bool(_HIDDEN_STYLE.search(attributes.get("style") or ""))


def _is_data(table: Any) -> bool:
    """A table of values, not one that lays out a page: no table or heading within it."""
    return len(table.css("table")) <= 1 and not table.css("h1, h2, h3, h4, h5, h6")


def _rows(table: Any) -> Iterator[list[str]]:
    caption = table.css_first("caption")
    if caption is not None:
        yield [caption.text(deep=True)]
    for row in table.css("tr"):
        yield [cell.text(deep=True, separator=" ") for cell in row.css("th, td")]
