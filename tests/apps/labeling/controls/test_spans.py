"""Parts of a text and their relations: what is refused, how far two answers agree, what several lead to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.labeling.controls.base import AnswerProblem, GivenAnswer
from apps.labeling.controls.spans import Spans

TEXT = "😀 Anna Schmid works in Berlin for Acme."
DATA = {"text": TEXT}
CONFIG = {
    "type": "spans",
    "name": "entities",
    "input": "text",
    "title": "Mark names",
    "required": True,
    "classes": [{"name": "person", "key": "1"}, {"name": "place", "key": "2"}, {"name": "firm", "key": "3"}],
    "relation_classes": [{"name": "works for", "key": "1"}],
    "overlap": False,
}
CONTROL = Spans.from_json(CONFIG)
NESTED = Spans.from_json(CONFIG | {"overlap": True})


def span(part: str, label: str) -> dict[str, Any]:
    start = TEXT.index(part)
    return {"start": start, "end": start + len(part), "label": label}


def answer(*spans: Any, relations: tuple[Any, ...] = ()) -> dict[str, list[Any]]:
    return {"spans": list(spans), "relations": list(relations)}


def works_for(source: int, target: int) -> dict[str, object]:
    return {"from": source, "to": target, "label": "works for"}


def given_by(*answers: tuple[object, float]) -> list[GivenAnswer]:
    return [GivenAnswer(f"annotator-{index}", value, accuracy) for index, (value, accuracy) in enumerate(answers)]


def consensus(*answers: tuple[object, float], control: Spans = CONTROL):
    cleaned = [(None if value is None else control.clean(value, DATA), accuracy) for value, accuracy in answers]
    return control.consensus(given_by(*cleaned), DATA)


ANNA, BERLIN, ACME = span("Anna Schmid", "person"), span("Berlin", "place"), span("Acme", "firm")


def test_the_form_goes_there_and_back():
    assert CONTROL.as_json() == CONFIG
    assert Spans.from_json({"name": "e", "input": "t", "classes": ["a"]}).as_json()["relation_classes"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"classes": []}, "classes"),
        ({"relation_classes": ["x", "x"]}, "relation_classes"),
        ({"overlap": "no"}, "overlap"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_form_is_refused_with_its_part(change, field):
    with pytest.raises(AnswerProblem) as problem:
        Spans.from_json(CONFIG | change)
    assert problem.value.field == field


def test_spans_are_put_in_order_without_white_space_at_their_ends_and_relations_follow():
    loose = {"start": BERLIN["start"] - 1, "end": BERLIN["end"] + 1, "label": "place"}
    cleaned = CONTROL.clean(answer(ACME, loose, ANNA, relations=(works_for(2, 0),)), DATA)
    assert cleaned == answer(ANNA, BERLIN, ACME, relations=(works_for(0, 2),))
    assert CONTROL.clean(cleaned, DATA) == cleaned


def test_offsets_count_code_points():
    assert TEXT[ANNA["start"] : ANNA["end"]] == "Anna Schmid"
    assert ANNA["start"] == 2  # the emoji is one


def test_the_same_span_twice_is_one_and_keeps_its_relations():
    twice = answer(ANNA, ACME, ANNA, relations=(works_for(0, 1), works_for(2, 1)))
    assert CONTROL.clean(twice, DATA) == answer(ANNA, ACME, relations=(works_for(0, 1),))


@pytest.mark.parametrize(
    ("value", "message", "field"),
    [
        ([], "come as", ""),
        ({"spans": {}}, "list of at most 1,000", "spans"),
        (answer("x"), "Span 1 comes as", "spans.0"),
        (answer({"start": 0.5, "end": 2, "label": "person"}), "whole numbers", "spans.0"),
        (answer({"start": True, "end": 2, "label": "person"}), "whole numbers", "spans.0"),
        (answer(ANNA, {"start": 5, "end": 5, "label": "person"}), "Span 2 goes from 5 to 5", "spans.1"),
        (answer({"start": 0, "end": len(TEXT) + 1, "label": "person"}), f"characters 0 to {len(TEXT)}", "spans.0"),
        (answer({"start": 1, "end": 2, "label": "person"}), "only white space", "spans.0"),
        (answer(ANNA | {"label": "city"}), "choose one of person, place, firm", "spans.0"),
        (answer(ANNA, span("Schmid", "person")), "“Schmid” .* overlaps “Anna Schmid”", "spans.1"),
        (answer(ANNA, ACME, relations=("x",)), "Relation 1 comes as", "relations.0"),
        (answer(ANNA, ACME, relations=(works_for(0, 2),)), "place, 0 to 1", "relations.0"),
        (answer(ANNA, ACME, relations=(works_for(0, 0),)), "to itself", "relations.0"),
        (answer(ANNA, relations=({"from": 0, "to": 0, "label": "likes"},)), "works for", "relations.0"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(value, message, field):
    with pytest.raises(AnswerProblem, match=message) as problem:
        CONTROL.clean(value, DATA)
    assert problem.value.field == field


def test_overlap_is_taken_where_it_is_allowed():
    nested = NESTED.clean(answer(span("Schmid", "person"), ANNA), DATA)
    assert [one["start"] for one in nested["spans"]] == [2, 7]


def test_nothing_marked_is_an_answer_and_no_value_is_none():
    assert not CONTROL.is_empty(CONTROL.clean({}, DATA))
    assert CONTROL.is_empty(None)


def test_similarity_counts_characters_of_one_label():
    whole, part = answer(ANNA), answer(span("Schmid", "person"))
    assert CONTROL.similarity(whole, part) == pytest.approx(2 * 6 / (11 + 6))
    assert CONTROL.similarity(whole, answer(ANNA | {"label": "firm"})) == 0
    assert CONTROL.similarity(answer(), answer()) == 1
    assert CONTROL.similarity(None, answer()) == 0


def test_relations_are_half_of_the_similarity_where_there_are_some():
    related = answer(ANNA, ACME, relations=(works_for(0, 1),))
    assert CONTROL.similarity(related, answer(ANNA, ACME)) == 0.5
    assert CONTROL.similarity(related, related) == 1
    shifted = answer(span("Anna Schmid works", "person"), ACME, relations=(works_for(0, 1),))
    assert CONTROL.similarity(related, shifted) > 0.8


def test_most_annotators_decide_on_being_there_label_and_boundaries():
    found = consensus(
        (answer(ANNA, BERLIN), 0.8),
        (answer(ANNA, BERLIN | {"label": "firm"}), 0.8),
        (answer(span("Schmid", "person"), BERLIN, ACME), 0.8),
    )
    assert found.value == answer(ANNA, BERLIN)
    assert 0.7 < found.confidence < 1


def test_a_reliable_annotator_outvotes_two_poor_ones():
    found = consensus((answer(ANNA), 0.97), (answer(BERLIN), 0.4), (answer(BERLIN), 0.4))
    assert found.value == answer(ANNA)


def test_relations_are_voted_on_by_those_who_have_both_spans():
    related = answer(ANNA, ACME, relations=(works_for(0, 1),))
    found = consensus((related, 0.7), (related, 0.7), (answer(ANNA), 0.7), (answer(ANNA, ACME), 0.7))
    assert found.value == related
    assert consensus((related, 0.7), (answer(ANNA, ACME), 0.9)).value["relations"] == []


def test_agreement_makes_sure_and_disagreement_unsure():
    same = consensus((answer(ANNA, ACME), 0.8), (answer(ANNA, ACME), 0.8), (answer(ANNA, ACME), 0.8))
    split = consensus((answer(ANNA), 0.8), (answer(ACME), 0.8), (answer(BERLIN), 0.8))
    assert same.confidence > 0.98
    assert split.confidence < same.confidence
    assert split.value == answer()


def test_nothing_to_mark_is_a_consensus_too():
    found = consensus((answer(), 0.8), (answer(), 0.8))
    assert found.value == answer()
    assert found.confidence > 0.9
    assert consensus((None, 0.8)).value is None


@st.composite
def values(draw):
    starts = draw(st.lists(st.integers(0, len(TEXT) - 1), max_size=5))
    spans = []
    for start in starts:
        end = draw(st.integers(start + 1, len(TEXT)))
        if not TEXT[start:end].isspace():
            spans.append({"start": start, "end": end, "label": draw(st.sampled_from(["person", "place", "firm"]))})
    cleaned = NESTED.clean({"spans": spans}, DATA)
    last = len(cleaned["spans"]) - 1
    ends = st.tuples(st.integers(0, last), st.integers(0, last)).filter(lambda pair: pair[0] != pair[1])
    pairs = draw(st.lists(ends, max_size=3)) if last > 0 else []
    relations = [works_for(*pair) for pair in pairs]
    return NESTED.clean(cleaned | {"relations": relations}, DATA)


@given(values(), values())
def test_similarity_is_symmetric_within_bounds_and_one_for_equal_answers(one, other):
    found = NESTED.similarity(one, other)
    assert 0 <= found <= 1
    assert found == pytest.approx(NESTED.similarity(other, one))
    assert NESTED.similarity(one, one) == 1


@settings(max_examples=60)
@given(st.lists(st.tuples(values(), st.sampled_from([0.3, 0.6, 0.8, 0.95])), min_size=1, max_size=5), st.randoms())
def test_a_consensus_is_a_clean_answer_and_does_not_depend_on_the_order(answers, random):
    for control in (CONTROL, NESTED):
        found = control.consensus(given_by(*answers), DATA)
        assert control.clean(found.value, DATA) == found.value
        assert 0 <= found.confidence < 1
        shuffled = list(answers)
        random.shuffle(shuffled)
        assert control.consensus(given_by(*shuffled), DATA) == found


@given(values())
def test_annotators_who_agree_are_followed(value):
    found = NESTED.consensus(given_by((value, 0.8), (value, 0.8), (value, 0.8)), DATA)
    assert json.dumps(found.value) == json.dumps(value)


def test_it_is_shown_in_a_few_words():
    assert CONTROL.shown(answer(ANNA, ACME, relations=(works_for(0, 1),))) == "person 2-13, firm 34-38; 1 relation"
    assert CONTROL.shown(answer(*[ANNA] * 5)) == "person 2-13, person 2-13, person 2-13, 2 more"
    assert CONTROL.shown(answer()) == "nothing marked"
    assert CONTROL.shown(None) == "no answer"
