"""Transcriptions: words, their error rate, and ROVER."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.labeling.controls.base import AnswerProblem
from apps.labeling.controls.words import check_text, normalised, rover, word_similarity, words

WORDS = st.lists(st.sampled_from(["one", "two", "three", "vier", "Five,", "五", "六"]), max_size=7)
TEXTS = WORDS.map(" ".join)


def test_white_space_and_composition_are_normalised():
    assert normalised("  one\u00a0 two\n\tcafe\u0301 ") == "one two café"


def test_case_and_punctuation_at_the_ends_do_not_count():
    assert word_similarity("Hello, world!", "hello world") == 1
    assert word_similarity("don't", "dont") == 0
    assert word_similarity("…", "…") == 1


def test_the_error_rate_is_over_the_longer_text():
    assert word_similarity("one two three four", "one two four") == pytest.approx(0.75)
    assert word_similarity("", "one") == 0
    assert word_similarity("", "") == 1


def test_scripts_without_spaces_are_compared_by_character():
    assert word_similarity("今日は晴れ", "今日は雨れ") == pytest.approx(0.8)
    assert [word.written for word in words("สวัสดี you")][-1] == "you"


@given(TEXTS, TEXTS)
def test_similarity_is_symmetric_within_bounds_and_one_for_equal_texts(one, other):
    found = word_similarity(one, other)
    assert 0 <= found <= 1
    assert found == word_similarity(other, one)
    assert word_similarity(one, one) == 1


def test_rover_takes_each_word_from_the_most():
    text, share = rover(
        [("the cat sat on a mat", 0.8), ("the cat sat on the mat", 0.8), ("a cat sat on the mat today", 0.8)]
    )
    assert text == "the cat sat on the mat"
    assert 0.9 < share < 1


def test_rover_believes_a_reliable_annotator_more_than_two_poor_ones():
    assert rover([("for tea two", 0.97), ("forty two", 0.5), ("forty two", 0.5)])[0] == "for tea two"


def test_rover_keeps_the_spelling_of_most_and_needs_no_spaces_in_scripts_without():
    assert rover([("Hello, Anna.", 0.7), ("Hello, Anna.", 0.7), ("hello anna", 0.7)])[0] == "Hello, Anna."
    assert rover([("今日は晴れ", 0.7), ("今日は晴れ", 0.7), ("今日わ晴", 0.7)])[0] == "今日は晴れ"


def test_silence_that_all_heard_is_sure_and_one_who_heard_something_is_outvoted():
    text, share = rover([("", 0.8), ("", 0.8)])
    assert (text, share > 0.9) == ("", True)
    assert rover([("", 0.8), ("", 0.8), ("hm", 0.8)])[0] == ""


@settings(max_examples=60)
@given(st.lists(st.tuples(TEXTS, st.sampled_from([0.55, 0.7, 0.9])), min_size=1, max_size=5), st.randoms())
def test_rover_does_not_depend_on_the_order_and_gives_back_what_all_wrote(texts, random):
    found = rover(texts)
    shuffled = list(texts)
    random.shuffle(shuffled)
    assert rover(shuffled) == found
    assert found[0] == normalised(found[0])
    same = [(texts[0][0], accuracy) for _, accuracy in texts]
    assert rover(same)[0] == texts[0][0]


@pytest.mark.parametrize("text", ["a\x00b", "half \ud83d of a pair", 7])
def test_what_cannot_be_stored_is_refused_by_name(text):
    with pytest.raises(AnswerProblem, match=r"^Turn 2"):
        check_text(text, "Turn 2", 50)


def test_line_ends_are_one_kind_and_too_much_is_refused():
    assert check_text("a\r\nb\rc", "It", 10) == "a\nb\nc"
    with pytest.raises(AnswerProblem, match="at most 10"):
        check_text("x" * 11, "It", 10)
