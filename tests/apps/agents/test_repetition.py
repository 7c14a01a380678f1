"""A small model that talks in circles is heard once."""

from __future__ import annotations

from apps.agents.citations import without_repetition


def test_a_sentence_is_said_once():
    looped = "You have 30 days. The refund takes five days.\n\nYou have 30 days. [1] The refund takes five days."
    assert without_repetition(looped) == "You have 30 days. The refund takes five days."


def test_short_words_and_different_sentences_stay():
    text = "Yes. It is free within Germany. Yes. It costs 5 euros elsewhere."
    assert without_repetition(text) == text


def test_an_empty_answer_stays_empty():
    assert without_repetition("") == ""
