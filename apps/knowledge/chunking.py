"""Cut a document's blocks into chunks that fit the embedding model, without tearing its structure.

A chunk never crosses a heading, a table stays whole while it fits, and paragraphs are cut only between
sentences. Every chunk is a contiguous slice of the document's text (`full_text`), so a citation can be
opened at the exact characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.knowledge.sentences import sentence_spans
from apps.knowledge.types import Block, BlockKind, ChunkDraft

TARGET_TOKENS = 240
OVERLAP_TOKENS = 30
# MiniLM reads 256 word pieces; a table may fill that, but not more.
WHOLE_TABLE_TOKENS = 256
SEPARATOR = "\n\n"

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[^\w\s]|_")
_WORD_PIECE_LETTERS = 6


@dataclass(frozen=True)
class _Unit:
    """The smallest thing a chunk is made of: a sentence, a table row or a whole table."""

    start: int
    end: int
    tokens: int
    heading: str
    page: int | None
    section: int
    stands_alone: bool = False


def estimate_tokens(text: str) -> int:
    """About how many word pieces a tokenizer makes of `text`: long words count more, CJK signs count one each."""
    return sum(1 + (len(word) - 1) // _WORD_PIECE_LETTERS if len(word) > 1 else 1 for word in _TOKEN.findall(text))


def full_text(blocks: Sequence[Block]) -> str:
    """The document's text; character positions of chunks refer to it."""
    return SEPARATOR.join(block.text for block in blocks)


def chunk_blocks(
    blocks: Sequence[Block], target_tokens: int = TARGET_TOKENS, overlap_tokens: int = OVERLAP_TOKENS
) -> list[ChunkDraft]:
    """Chunks of about `target_tokens`, each beginning with up to `overlap_tokens` of the one before in its section."""
    text = full_text(blocks)
    chunks: list[ChunkDraft] = []
    group: list[_Unit] = []
    fresh = 0  # units of the group that are not overlap

    def emit() -> None:
        nonlocal group, fresh
        if fresh:
            chunks.append(_draft(len(chunks), group, text))
        group, fresh = (_overlap(group, overlap_tokens) if fresh else group), 0

    for unit in _units(blocks, target_tokens):
        if group and unit.section != group[-1].section:
            emit()
            group = []
        if unit.stands_alone:
            emit()
            group, fresh = [unit], 1
            emit()
            group = []
            continue
        if fresh and sum(member.tokens for member in group) + unit.tokens > target_tokens:
            emit()
        group.append(unit)
        fresh += 1
    emit()
    return chunks


def _draft(ordinal: int, group: Sequence[_Unit], text: str) -> ChunkDraft:
    start, end = group[0].start, group[-1].end
    return ChunkDraft(
        ordinal=ordinal,
        text=text[start:end],
        heading=group[-1].heading,
        page=group[0].page,
        start=start,
        end=end,
        tokens=estimate_tokens(text[start:end]),
    )


def _overlap(group: Sequence[_Unit], limit: int) -> list[_Unit]:
    """The last units that fit in `limit` tokens; never the whole group, so that every chunk goes forward."""
    kept: list[_Unit] = []
    for unit in reversed(group[1:]):
        if sum(member.tokens for member in kept) + unit.tokens > limit:
            break
        kept.insert(0, unit)
    return kept


def _units(blocks: Sequence[Block], target_tokens: int) -> Iterator[_Unit]:
    trail: list[tuple[int, str]] = []
    position = section = 0
    for index, block in enumerate(blocks):
        start = position
        position += len(block.text) + len(SEPARATOR)
        if block.kind is BlockKind.HEADING:
            trail = [entry for entry in trail if entry[0] < block.level] + [(block.level, " ".join(block.text.split()))]
            section += 1
            if not _has_body(blocks, index):
                # A heading with nothing under it is still worth finding.
                above = _breadcrumb(trail[:-1])
                yield _Unit(
                    start,
                    start + len(block.text),
                    estimate_tokens(block.text),
                    above,
                    block.page,
                    section,
                    stands_alone=True,
                )
            continue
        heading = _breadcrumb(trail)
        if block.kind is BlockKind.TABLE:
            yield from _table_units(block, start, heading, section, target_tokens)
        else:
            yield from _paragraph_units(block, start, heading, section, target_tokens)


def _has_body(blocks: Sequence[Block], index: int) -> bool:
    """Whether text or a deeper heading follows, so that the heading lives on in a breadcrumb."""
    if index + 1 >= len(blocks):
        return False
    following = blocks[index + 1]
    return following.kind is not BlockKind.HEADING or following.level > blocks[index].level


def _breadcrumb(trail: Sequence[tuple[int, str]]) -> str:
    return " > ".join(title for _, title in trail)[:300]


def _table_units(block: Block, start: int, heading: str, section: int, target_tokens: int) -> Iterator[_Unit]:
    tokens = estimate_tokens(block.text)
    if tokens <= max(WHOLE_TABLE_TOKENS, target_tokens):
        yield _Unit(start, start + len(block.text), tokens, heading, block.page, section, stands_alone=True)
        return
    # A table too long for one chunk is cut between rows; each part keeps the column names in its heading.
    columns = " ".join(block.text.split("\n", 1)[0].strip("| ").split())[:150]
    label = f"{heading} > {columns}" if heading else columns
    offset = 0
    for row in block.text.split("\n"):
        if row.strip():
            yield from _split_long(start + offset, row, label, block.page, section, target_tokens)
        offset += len(row) + 1


def _paragraph_units(block: Block, start: int, heading: str, section: int, target_tokens: int) -> Iterator[_Unit]:
    for begin, end in sentence_spans(block.text):
        yield from _split_long(start + begin, block.text[begin:end], heading, block.page, section, target_tokens)


def _split_long(
    start: int, sentence: str, heading: str, page: int | None, section: int, target_tokens: int
) -> Iterator[_Unit]:
    """A "sentence" longer than a chunk (code, logs, text without full stops) is cut at lines, words, then anywhere."""
    tokens = estimate_tokens(sentence)
    if tokens <= target_tokens:
        yield _Unit(start, start + len(sentence), tokens, heading, page, section)
        return
    limit = max(40, int(len(sentence) * target_tokens / tokens * 0.9))
    begin = 0
    while begin < len(sentence):
        end = min(len(sentence), begin + limit)
        if end < len(sentence):
            cut = max(sentence.rfind("\n", begin + limit // 2, end), sentence.rfind(" ", begin + limit // 2, end))
            end = cut + 1 if cut > begin else end
        part = sentence[begin:end]
        if part.strip():
            yield _Unit(start + begin, start + end, estimate_tokens(part), heading, page, section)
        begin = end
