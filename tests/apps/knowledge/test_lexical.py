"""Search by words: the terms of a text in many scripts, and BM25 over postings as the formula says."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.knowledge.lexical.analysis import detect_language, terms
from apps.knowledge.lexical.postings import (
    Lengths,
    TermCounts,
    column,
    from_column,
    packed,
    postings_of,
    unpacked,
)
from apps.knowledge.lexical.ranking import K1, B, Collection, Ranking, Term, idf

WORDS = ("the", "of", "in", "river", "bank", "stone", "owl")


@pytest.mark.parametrize(
    ("language", "question", "text"),
    [
        ("en", "connections", "They are connected."),
        ("en", "CAFE", "a café at noon"),
        ("de", "Häuser", "ein Haus"),
        ("fr", "élèves", "un eleve"),
        ("ru", "книги", "без книг"),
        ("ar", "الكِتاب", "كتاب"),
        ("tr", "evler", "ev"),
        ("und", "C3PO", "c3po"),
    ],
)
def test_forms_of_a_word_are_one_term(language: str, question: str, text: str) -> None:
    assert set(terms(question, language)) & set(terms(text, language))


@pytest.mark.parametrize(
    ("question", "text"),
    [("数据库", "这个数据库很快"), ("データ", "このデータは"), ("ข้อมูล", "ในข้อมูลนี้"), ("서울", "서울에서"), ("水", "水")],
)
def test_words_are_found_in_scripts_without_spaces(question: str, text: str) -> None:
    assert set(terms(question, "und")) <= set(terms(text, "und"))


def test_a_word_has_as_many_terms_in_every_language() -> None:
    text = "Running 数据库 through café's ١٢٣ \u0000 naïve 3.14 \U0001f600"
    assert len({len(terms(text, language)) for language in ("en", "ar", "zh", "ru", "und")}) == 1


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The quick brown fox jumps over the lazy dog.", "en"),
        ("Мы поедем в горы летом.", "ru"),
        ("كل العائلات السعيدة متشابهة", "ar"),
        ("幸福的家庭都是相似的", "zh"),
        ("吾輩は猫である", "ja"),
        ("42", "und"),
    ],
)
def test_the_language_of_a_text_is_told(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_postings_are_stored_as_numbers_or_as_a_column_and_come_back_the_same() -> None:
    for every in (1, 2, 50):
        chunks = [TermCounts(number, {"owl": number % 7 + 1}, 9) for number in range(100, 5_100, every)]
        postings = postings_of(chunks)["owl"]
        is_column, data = packed(postings, 100, 5_099)
        assert is_column is (every < 7)
        lengths = np.zeros(5_000, np.uint16)
        lengths[postings.numbers - 100] = 9
        back = from_column(column(data, 100), Lengths(100, lengths)) if is_column else unpacked(data)
        assert back.numbers.tolist() == [chunk.number for chunk in chunks]
        assert back.frequencies.tolist() == [chunk.frequencies["owl"] for chunk in chunks]
        assert back.lengths.tolist() == [9] * len(chunks)


def _ranking(texts: Sequence[Sequence[str]], question: Sequence[str], cut: Sequence[int], visible: object) -> Ranking:
    """The ranking of `question` with texts in segments that end at `cut`, all terms of every other one as columns."""
    found: dict[str, Term] = {}
    lengths = []
    for place, (start, end) in enumerate(zip([0, *cut], [*cut, len(texts)], strict=True)):
        if start == end:
            continue
        chunks = [TermCounts(number, Counter(texts[number]), len(texts[number])) for number in range(start, end)]
        lengths.append(Lengths(start, np.array([chunk.length for chunk in chunks], np.uint16)))
        for name, postings in postings_of(chunks).items():
            if name not in question:
                continue
            term = found.setdefault(name, Term())
            term.frequency += len(postings)
            if place % 2:
                values = np.zeros(end - start, np.uint8)
                values[postings.numbers - start] = postings.frequencies
                term.columns.append(column(values.tobytes(), start))
            else:
                term.postings.append(postings)
    mean = sum(map(len, texts)) / len(texts)
    words = [frozenset({word}) for word in question]
    return Ranking(Collection(len(texts), mean, len(texts)), words, found, lengths, visible)  # type: ignore[arg-type]


def _bm25(texts: Sequence[Sequence[str]], question: Sequence[str]) -> list[float]:
    mean = sum(map(len, texts)) / len(texts)
    scores = [0.0] * len(texts)
    for word in set(question):
        weight = idf(len(texts), sum(word in text for text in texts))
        for number, text in enumerate(texts):
            frequency = text.count(word)
            scores[number] += weight * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * len(text) / mean))
    return scores


@settings(max_examples=150, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9), min_size=1, max_size=40),
    question=st.lists(st.sampled_from((*WORDS, "absent")), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 40), max_size=3),
    hidden=st.sets(st.integers(0, 39)),
    count=st.integers(1, 12),
)
def test_the_best_are_those_of_the_formula(
    texts: list[list[str]], question: list[str], cuts: list[int], hidden: set[int], count: int
) -> None:
    visible = np.array([number not in hidden for number in range(len(texts))])
    ranking = _ranking(texts, question, sorted(min(cut, len(texts)) for cut in cuts), visible)
    expected = _bm25(texts, question)
    wanted = sorted((score for score, seen in zip(expected, visible, strict=True) if seen and score > 0), reverse=True)
    best = ranking.best(count)
    assert [score for _, score in best] == pytest.approx(wanted[:count], rel=1e-4)
    assert all(expected[number] == pytest.approx(score, rel=1e-4) and visible[number] for number, score in best)
    assert ranking.scores(range(len(texts))) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_coverage_counts_words_that_no_chunk_holds() -> None:
    ranking = _ranking([["owl", "bank"], ["bank"], ["river"]], ["owl", "absent"], [], None)
    owl, absent = 1 + idf(3, 1), 1 + idf(3, 0)
    assert ranking.coverage([0, 1]) == pytest.approx([owl / (owl + absent), 0.0])


def test_a_chunk_stored_since_the_postings_were_read_scores_nothing() -> None:
    ranking = _ranking([["owl"]], ["owl"], [], None)
    assert ranking.scores([0, 7]) == [pytest.approx(math.log1p(0.5 / 1.5)), 0.0]
    assert ranking.coverage([7]) == [0.0]
