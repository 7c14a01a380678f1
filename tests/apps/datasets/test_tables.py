"""Uploaded tables are read whole or refused with the row and field that is wrong."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.errors import InvalidInput
from apps.datasets.tables import Table, read_objects, read_table


def read(content: bytes | str, filename: str = "data.csv", **options: Any) -> Table:
    raw = content.encode() if isinstance(content, str) else content
    return read_table(io.BytesIO(raw), filename, **({"required_columns": ("text",)} | options))


def refusal(content: bytes | str, filename: str = "data.csv", **options: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read(content, filename, **options)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_the_usual_encodings_are_read(encoding):
    assert read("text\nGrüße café".encode(encoding)).rows == [{"text": "Grüße café"}]


def test_utf_16_in_either_byte_order_is_read():
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert read(mark + "text\nhé".encode(encoding)).rows == [{"text": "hé"}]


def test_a_broken_byte_in_utf_8_is_named_by_its_line_and_not_read_as_another_encoding():
    error = refusal("text\nGrüße\nbroken é".encode() + b"\xe9\n" + "übrig äö".encode())
    assert error.code == "undecodable_file"
    assert error.errors[0]["row"] == 3
    assert "0xe9" in error.message


def test_bytes_that_are_text_in_no_encoding_are_refused():
    error = refusal(b"text\nok\nbad \x81\x8d\n")
    assert error.code == "undecodable_file"
    assert error.errors[0]["row"] == 3


def test_half_a_utf_16_character_is_refused():
    error = refusal(b"\xff\xfe" + "text\nab".encode("utf-16-le") + b"\x00\xd8")
    assert error.code == "undecodable_file"


@pytest.mark.parametrize(
    ("content", "what"), [(b"PK\x03\x04rest", "Excel"), (b"PAR1rest", "Parquet"), (b"%PDF-1.7", "PDF")]
)
def test_files_that_are_no_text_are_named_for_what_they_are(content, what):
    error = refusal(content)
    assert error.code == "not_a_text_file"
    assert what in error.message


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"  \r\n"])
def test_an_empty_file_is_refused(content):
    assert refusal(content).code == "empty_file"


def test_a_heading_without_rows_is_refused():
    assert refusal("text,label\n").code == "empty_file"
    assert refusal("text\n\n\n").code == "empty_file"


def test_missing_and_repeated_columns_are_named_with_those_found():
    error = refusal("message,label\nhello,ham\n", required_columns=("text", "label"))
    assert error.code == "wrong_columns"
    assert error.errors == [
        {
            "field": "text",
            "row": 1,
            "file": "data.csv",
            "message": "There is no column “text”. Columns found: “message”, “label”.",
        }
    ]
    assert "more than once" in refusal("text,text\na,b\n").errors[0]["message"]
    assert refusal("text,\na,b\n").code == "wrong_columns"


def test_ragged_rows_are_named_with_their_counts():
    error = refusal("text,label\na,b\nonly one\na,b,c\n")
    assert [problem["row"] for problem in error.errors] == [3, 4]
    assert "1 fields, the heading has 2" in error.errors[0]["message"]
    assert error.context["error_count"] == 2


def test_rows_are_counted_as_a_spreadsheet_counts_them():
    error = refusal('text,label\n"two\nlines",x\n\n,y\n')
    assert error.errors == [{"field": "text", "row": 4, "message": "The field is empty."}]


def test_a_quote_that_is_never_closed_is_named_where_it_opens():
    error = refusal('text\nfine\n"open\nrest\nrest\n')
    assert error.errors[0]["row"] == 3
    assert "never closed" in error.errors[0]["message"]


def test_nul_is_named_by_row_and_field():
    assert refusal(b"text\nok\nbad\x00one\n").errors == [
        {"field": "text", "row": 3, "message": "The text holds a NUL character (U+0000)."}
    ]
    assert refusal('{"text": "a\\u0000b"}', "data.jsonl").errors[0]["row"] == 1


def test_over_long_fields_are_named_with_their_length():
    error = refusal(f"text\nok\n{'x' * 20_001}\n")
    assert error.errors[0]["row"] == 3
    assert "20,001" in error.errors[0]["message"]


def test_repeated_ids_are_named_with_the_first_row():
    error = refusal("id,text\n7,a\n8,b\n7,c\n,d\n,e\n", unique_column="id")
    assert error.errors == [{"field": "id", "row": 4, "message": "“7” is already used in row 2."}]


def test_twenty_problems_are_shown_and_all_are_counted():
    error = refusal("text,label\n" + ",x\n" * 57)
    assert len(error.errors) == 20
    assert error.context["error_count"] == 57
    assert "57 rows" in error.message


def test_a_file_over_the_limit_is_refused_before_it_is_read():
    class Upload(io.BytesIO):
        size = 200 * 1024 * 1024

        def read(self, *args: Any) -> bytes:
            raise AssertionError("the file was read")

    with pytest.raises(InvalidInput, match="larger than 100 MB"):
        read_table(Upload(), "big.csv", required_columns=("text",))
    assert refusal("text\n" + "x" * 50, max_bytes=20).code == "file_too_large"
    assert refusal("text\na\nb\nc\n", max_rows=2).code == "too_many_rows"


def test_other_separators_are_understood():
    assert read("text;label\na,b;ham\n", required_columns=("text", "label")).rows == [{"text": "a,b", "label": "ham"}]
    assert read("text\tlabel\na\tham\n", "data.tsv").rows == [{"text": "a", "label": "ham"}]


def test_jsonl_lines_are_objects_of_text_numbers_and_truth_values():
    table = read('{"text": "a", "n": 1}\n\n{"text": "b", "ok": true, "n": null}\n', "data.jsonl")
    assert table.columns == ("text", "n", "ok")
    assert table.rows == [{"text": "a", "n": "1", "ok": ""}, {"text": "b", "n": "", "ok": "true"}]
    assert table.row_numbers == [1, 3]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1, 2]", "a list"),
        ('"text"', "a string"),
        ("null", "null"),
        ("{text: 1}", "Not JSON"),
        ('{"text": "a", "text": "b"}', "appears twice"),
        ('{"text": NaN}', "NaN"),
        ('{"text": {"deep": 1}}', "an object"),
        ('{"text": "\\ud800"}', "surrogate"),
        ('{"text": ' + "[" * 100_000, "Not"),
        ('{"text": ' + "9" * 10_000 + "}", "Not usable"),
    ],
)
def test_lines_that_are_no_usable_object_are_named(line, reason):
    error = refusal(f'{{"text": "fine"}}\n{line}\n', "data.jsonl")
    assert error.errors[0]["row"] == 2
    assert reason in error.errors[0]["message"]


def test_a_json_array_is_told_apart_from_jsonl():
    assert refusal('[{"text": "a"}]', "data.json").code == "not_jsonl"


def test_rows_of_a_request_are_checked_alike():
    with pytest.raises(InvalidInput) as caught:
        read_objects([{"text": "a"}, {"text": " "}, "x"], required_columns=("text",))
    assert caught.value.errors == [
        {"field": "", "row": 3, "message": 'The row is a string; each must be an object, like {"text": …}.'}
    ]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1).filter(str.strip)
ROWS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8)


@settings(deadline=None)
@given(rows=ROWS, encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_what_python_writes_as_csv_is_read_back(rows, encoding):
    target = io.StringIO(newline="")
    csv.writer(target).writerows([("text", "label"), *rows])
    table = read(target.getvalue().encode(encoding), required_columns=("text", "label"))
    assert [(row["text"], row["label"]) for row in table.rows] == rows


@settings(deadline=None)
@given(rows=ROWS)
def test_what_python_writes_as_jsonl_is_read_back(rows):
    lines = "\n".join(json.dumps({"text": text, "label": label}, ensure_ascii=False) for text, label in rows)
    table = read(lines, "data.jsonl", required_columns=("text", "label"))
    assert [(row["text"], row["label"]) for row in table.rows] == rows


@settings(deadline=None, max_examples=300)
@given(content=st.binary(max_size=200), filename=st.sampled_from(["a.csv", "a.jsonl", "a"]))
def test_any_bytes_are_read_or_refused_with_a_reason(content, filename):
    refused: list[InvalidInput] = []
    rows: list[dict[str, str]] = []
    try:
        rows = read(content, filename).rows
    except InvalidInput as error:
        refused.append(error)
    assert bool(rows) != bool(refused)
    assert all(row["text"].strip() for row in rows)
    assert all(error.errors and error.message for error in refused)
