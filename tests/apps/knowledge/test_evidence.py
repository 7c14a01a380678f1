"""Sentences are ranked by what they share with the question, and confidence falls where the answer is not there."""

from __future__ import annotations

from uuid import UUID

import pytest

from apps.knowledge.evidence.gathering import content_terms, gather
from apps.knowledge.evidence.kinds import AnswerKind, holds, kind_of
from apps.knowledge.evidence.scoring import MOST_COMPARED, confidence, rank, worth_comparing
from apps.knowledge.services.evaluating_answers import auc
from apps.knowledge.types import Passage

TEXT = "The bridge was opened in 1932. It is 503 metres long. Six lanes of cars cross the bridge every day."


def _passage(text: str, number: int = 1) -> Passage:
    key = UUID(int=number)
    return Passage(key, key, key, "a.txt", 0, "", None, 0, len(text), text, 1.0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many lanes are there?", AnswerKind.NUMBER),
        ("When was it opened?", AnswerKind.DATE),
        ("Who built it?", AnswerKind.PERSON),
        ("Where is it?", AnswerKind.PLACE),
        ("Why is it closed?", AnswerKind.REASON),
        ("\u4ed6\u662f\u8c01\uff1f", AnswerKind.PERSON),
        ("Describe it.", None),
    ],
)
def test_the_question_tells_what_kind_of_answer_it_wants(question: str, kind: AnswerKind | None) -> None:
    assert kind_of(question) is kind


def test_a_number_of_the_question_is_no_answer_to_how_many() -> None:
    assert holds(AnswerKind.NUMBER, "There were 20 of them.", "How many?") == 1
    assert holds(AnswerKind.NUMBER, "In 1932 it was opened.", "How many were there in 1932?") == -1


def test_inflected_words_and_pairs_of_signs_are_shared() -> None:
    assert set(content_terms("returning")) == set(content_terms("returned"))
    assert set(content_terms("\u5317\u4eac\u5927\u5b66")) & set(content_terms("\u5728\u5317\u4eac"))


def test_the_sentence_with_the_questions_words_and_a_date_comes_first() -> None:
    material = gather("When was the bridge opened?", [_passage(TEXT)])
    ranked = rank(material, {})
    assert material.sentences[ranked[0].index].text == "The bridge was opened in 1932."


def test_confidence_is_lower_where_the_answer_is_missing() -> None:
    question = "When was the bridge opened?"
    there, gone = gather(question, [_passage(TEXT)]), gather(question, [_passage("Six lanes of cars cross it daily.")])
    assert confidence(there, rank(there, {})) > confidence(gone, rank(gone, {}))
    assert confidence(gather(question, []), []) == 0.0


def test_overlapping_passages_give_a_sentence_once_and_few_are_embedded() -> None:
    material = gather("bridge", [_passage(TEXT), _passage(TEXT)])
    assert len(material.sentences) == 3
    long = gather("bridge", [_passage("One bridge is here. " * 100)])
    assert len(worth_comparing(long)) == MOST_COMPARED


def test_auc_counts_ties_half() -> None:
    assert auc([0.9, 0.8], [0.1, 0.2]) == 1.0
    assert auc([0.5], [0.5]) == 0.5
    assert auc([0.1], [0.9]) == 0.0
    assert auc([], [0.5]) is None
