"""Model output as safe HTML: Markdown without images, links or raw HTML; citations become links to their source."""

from __future__ import annotations

import re

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_BLOCKS = {"p", "br", "pre", "ul", "ol", "li", "blockquote", "h3", "h4", "hr"}
_TAGS = _BLOCKS | {"strong", "em", "code", "table", "thead", "tbody", "tr", "th", "td"}
_CITATION = re.compile(r"\[(\d{1,2})\]")
# Images would load from elsewhere, links could carry data out: neither is made from what a model writes.
_markdown = (
    MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink", "html_inline"])
)


def to_html(text: str, *, source_prefix: str = "", sources: int = 0) -> SafeString:
    """HTML of an answer.

    Args:
        source_prefix: id prefix of the sources on the page; [n] links to `#<prefix><n>`.
        sources: how many there are; other numbers stay text.
    """
    html = nh3.clean(_markdown.render(text), tags=_TAGS, attributes={}, link_rel=None)
    if source_prefix:
        html = _CITATION.sub(lambda match: _citation(match, source_prefix, sources), html)
    return mark_safe(html)  # noqa: S308  # cleaned above; the citation links are ours


def _citation(match: re.Match[str], prefix: str, sources: int) -> str:
    number = int(match[1])
    if not 1 <= number <= sources:
        return match[0]
    return f'<a class="link" href="#{prefix}{number}" aria-label="Source {number}">[{number}]</a>'
