# ruff: noqa: RUF001 (signs of other scripts are what is tested)
"""Sentences in many scripts: quoted alone, they must begin and end where a reader says they do."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.knowledge.sentences import sentence_spans

TEXTS = {
    "abbreviations": ["Dr. Smith pays at once.", "See Art. 5 for more.", "It is for J. R. Smith, e.g. here."],
    "capitals": ["He lives in the U.S.", "The rent is 3.5 times higher.", "U.S. law says so."],
    "speech": ["He said “No!” and left.", "Nobody asked (really.)", "Why?"],
    "german": ["Das kostet z.B. 3 Mio. Euro.", "Es gilt vgl. Abs. 2 weiter.", "Über Nacht kam Regen."],
    "russian": ["Он родился в 1950 г. в Москве.", "Потом он уехал.", "Куда?"],
    "arabic": ["ذهب الولد إلى المدرسة.", "هل عاد؟", "نعم عاد."],
    "urdu": ["وہ گھر گیا۔", "کیا وہ آیا؟", "ہاں۔"],
    "hindi": ["किरण घर गई।", "राम आया।", "क्या?"],
}


@pytest.mark.parametrize("name", TEXTS)
def test_sentences_end_where_their_script_ends_them(name: str) -> None:
    assert _split(" ".join(TEXTS[name])) == TEXTS[name]


def test_chinese_and_japanese_sentences_need_no_space() -> None:
    assert _split("他说：“你好。”然后走了。真的吗？是！") == ["他说：“你好。”", "然后走了。", "真的吗？", "是！"]
    assert _split("雨が降った。外に出た。") == ["雨が降った。", "外に出た。"]


def test_blank_lines_and_list_items_end_a_sentence_and_wrapped_lines_do_not() -> None:
    assert _split("Bring\n- a pen\n- paper\n\nThe room\nis on floor 2.") == [
        "Bring",
        "- a pen",
        "- paper",
        "The room\nis on floor 2.",
    ]


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="aA.!? \n\"'()-1।。", max_size=60))
def test_every_sign_but_white_space_is_in_exactly_one_sentence(text: str) -> None:
    spans = sentence_spans(text)
    assert "".join(text[start:end] for start, end in spans).split() == text.split() or all(
        not text[left:right].strip()
        for (_, left), (right, _) in zip([(0, 0), *spans], [*spans, (len(text), 0)], strict=True)
    )
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(spans))


@pytest.mark.parametrize("hostile", [" ", "\n", ".", ". ", "\n ", 'a."', "A. b "])
def test_a_hostile_text_costs_time_in_proportion_to_its_length(hostile: str) -> None:
    def seconds(copies: int) -> float:
        start = time.process_time()
        sentence_spans(hostile * copies)
        return time.process_time() - start

    assert seconds(80_000) < 20 * max(seconds(20_000), 0.02)


def _split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]
