"""Chunks are exact slices of the text, respect its structure and fit the embedding model."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.knowledge.chunking import TARGET_TOKENS, chunk_blocks, estimate_tokens, full_text
from apps.knowledge.parsing.text import text_blocks
from apps.knowledge.types import Block, BlockKind
from tests.apps.knowledge.files import HANDBOOK

_blocks = st.lists(
    st.builds(
        Block,
        kind=st.sampled_from(list(BlockKind)),
        text=st.text(min_size=1, max_size=900).filter(lambda text: text.strip() != ""),
        level=st.integers(1, 4),
        page=st.none(),
    ),
    min_size=1,
    max_size=12,
)


def test_a_chunk_stays_in_its_section_and_carries_its_headings() -> None:
    chunks = chunk_blocks(list(text_blocks(HANDBOOK)))
    assert [chunk.heading for chunk in chunks] == ["Handbook > Returns", "Handbook > Shipping", "Handbook > Shipping"]
    assert chunks[0].text.startswith("You have 30 days")


def test_a_table_is_kept_whole() -> None:
    table = next(chunk for chunk in chunk_blocks(list(text_blocks(HANDBOOK))) if "| Norway" in chunk.text)
    assert table.text.startswith("| Country")
    assert table.text.endswith("| Switzerland | 4 |")


def test_long_text_is_cut_between_sentences_with_overlap() -> None:
    sentences = [f"Sentence number {index} says something of its own about the matter." for index in range(100)]
    chunks = chunk_blocks([Block(BlockKind.PARAGRAPH, " ".join(sentences))])
    assert len(chunks) > 3
    assert all(chunk.tokens <= TARGET_TOKENS for chunk in chunks)
    for earlier, later in itertools.pairwise(chunks):
        assert earlier.start < later.start < earlier.end < later.end
        assert later.text.startswith("Sentence number")


def test_text_without_full_stops_still_fits() -> None:
    chunks = chunk_blocks([Block(BlockKind.PARAGRAPH, "x1y2 " * 5000)])
    assert max(chunk.tokens for chunk in chunks) <= TARGET_TOKENS


def test_a_heading_without_text_is_still_found() -> None:
    chunks = chunk_blocks([Block(BlockKind.HEADING, "Opening hours: 9 to 5", level=1)])
    assert [chunk.text for chunk in chunks] == ["Opening hours: 9 to 5"]


@settings(max_examples=150, deadline=None)
@given(_blocks)
def test_every_chunk_is_a_slice_and_no_body_is_lost(blocks: list[Block]) -> None:
    text = full_text(blocks)
    chunks = chunk_blocks(blocks)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    covered = [False] * len(text)
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end] != ""
        covered[chunk.start : chunk.end] = [True] * (chunk.end - chunk.start)
    position = 0
    for block in blocks:
        if block.kind is not BlockKind.HEADING:
            lost = [text[i] for i in range(position, position + len(block.text)) if not covered[i]]
            assert not "".join(lost).strip()
        position += len(block.text) + 2


def test_tokens_are_counted_like_word_pieces() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("two words") == 2
    assert estimate_tokens("你好") == 2
    assert estimate_tokens("Donaudampfschifffahrtsgesellschaft") > 4
