"""CoNLL: tokens with tags, there and back, and as others write it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.labeling.formats import conll
from apps.labeling.formats.items import FormatProblem, Item
from tests.apps.labeling.formats.samples import IMAGE

DESIGN = conll.design_of(["PER", "ORG one"])


def item(text: str, *spans: tuple[int, int, str], item_id: str = "i 1") -> Item:
    found = [{"start": start, "end": end, "label": label} for start, end, label in spans]
    return Item(item_id, {"text": text}, gold={"entities": {"spans": found, "relations": []}})


def exported(*items: Item) -> str:
    return b"".join(conll.write(DESIGN, items)).decode()


def test_each_token_has_the_tag_of_its_span():
    assert exported(item("Ada Lovelace met Big Co.\nYes", (0, 12, "PER"), (17, 23, "ORG one"))) == (
        "-DOCSTART- i%201 -X- O\n\n"
        "Ada 0 3 B-PER\nLovelace 4 12 I-PER\nmet 13 16 O\nBig 17 20 B-ORG%20one\nCo 21 23 I-ORG%20one\n. 23 24 O\n\n"
        "Yes 25 28 O\n\n"
    )


def read(text: str) -> list[Item]:
    return list(conll.read(io.BytesIO(text.encode())))


def test_items_are_read_back_even_where_spans_touch_or_cut_words():
    items = [
        item("😀 AdaLovelace met\n\n Big  Co", (2, 5, "PER"), (5, 13, "PER"), (20, 27, "ORG one")),
        item("nothing here", item_id="2"),
    ]
    again = read(exported(*items))
    assert [one.gold for one in again] == [one.gold for one in items]
    assert [one.id for one in again] == ["i 1", "2"]
    assert [one.data["text"].split() for one in again] == [one.data["text"].split() for one in items]


def test_of_overlapping_spans_the_longest_is_kept():
    (again,) = read(exported(item("a b c d", (0, 3, "PER"), (2, 7, "PER"))))
    assert again.gold == {"entities": {"spans": [{"start": 2, "end": 7, "label": "PER"}], "relations": []}}


def test_files_of_others_are_read():
    text = (
        "\ufeff-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\nGerman JJ B-NP S-MISC\n. . O O\n\n"
        "Peter NNP B-NP I-PER\nBlackburn NNP I-NP I-PER\n\n"
    )
    (found,) = read(text)
    assert found.data == {"text": "EU rejects German.\nPeter Blackburn"}
    assert found.gold is not None
    spans = found.gold["entities"]["spans"]
    assert [(found.data["text"][s["start"] : s["end"]], s["label"]) for s in spans] == [
        ("EU", "ORG"),
        ("German", "MISC"),
        ("Peter Blackburn", "PER"),
    ]
    assert [one.data["text"] for one in read("a O\nb O\n\nc B-X\n")] == ["a b", "c"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a O\nb\n", "Line 2: It has one column"),
        (b"a Z-PER\n", "Line 1"),
        (b"a B-\n", "Line 1"),
        (b"a \xff\n", "Line 1: It is not UTF-8"),
        (b"ab 0 2 O\ncd 1 3 O\n", "Line 2: It starts before"),
    ],
)
def test_lines_that_cannot_be_used_are_named(content, says):
    with pytest.raises(FormatProblem) as caught:
        list(conll.read(io.BytesIO(content)))
    assert says in str(caught.value)


def test_a_design_without_spans_has_no_conll():
    with pytest.raises(FormatProblem, match="asks for none"):
        list(conll.write(IMAGE, []))


@given(words=st.lists(st.text("abé😀.,", min_size=1, max_size=4), min_size=1, max_size=6), data=st.data())
def test_spans_of_any_words_are_read_back(words, data):
    text = " ".join(words)
    spans, start = [], 0
    for word in words:
        if data.draw(st.booleans()):
            spans.append((start, start + len(word), "PER"))
        start += len(word) + 1
    given_item = item(text, *spans)
    (again,) = read(exported(given_item))
    assert again.gold == given_item.gold
    assert again.data == given_item.data
