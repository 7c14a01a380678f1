"""Every format is read with its structure; hostile and broken files end with a cause, each in its own process."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from apps.knowledge.chunking import chunk_blocks, full_text
from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.process import ParsedFile, parse_file
from apps.knowledge.types import BlockKind, FileKind
from tests.apps.knowledge import files, formats

_PROMISE = b"q" * 40
MILLION = 1_000_000


def parsed(folder: Path, content: bytes, name: str = "") -> ParsedFile:
    path = folder / "file"
    path.write_bytes(content)
    return parse_file(path, name=name)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (FileKind.HTML, formats.HTML.encode("utf-16")),
        (FileKind.TEXT, formats.MARKDOWN.encode()),
        (FileKind.PPTX, formats.slides()),
        (FileKind.SPREADSHEET, formats.workbook()),
        (FileKind.EPUB, formats.book()),
        (FileKind.OPEN_DOCUMENT, formats.open_text()),
        (FileKind.EMAIL, formats.message()),
        (FileKind.NOTEBOOK, formats.notebook()),
        (FileKind.RTF, formats.RTF),
        (FileKind.JSON, formats.JSON),
        (FileKind.JSON, formats.JSON_LINES),
        (FileKind.TABLE, formats.TABLE),
        (FileKind.XML, formats.XML),
    ],
)
def test_every_format_gives_its_words_and_its_table_whatever_it_is_called(
    tmp_path: Path, kind: FileKind, content: bytes
) -> None:
    found = parsed(tmp_path, content, name="something.pdf")
    text = full_text(found.blocks)
    assert found.kind is kind
    assert formats.WORDS in text
    if kind is not FileKind.JSON:
        assert any(all(value in line for value in formats.ROW) for line in text.split("\n"))
    for chunk in chunk_blocks(found.blocks):
        assert text[chunk.start : chunk.end] == chunk.text


def test_a_page_is_read_as_people_see_it(tmp_path: Path) -> None:
    found = parsed(tmp_path, formats.HTML.encode())
    assert [(block.kind, block.text) for block in found.blocks] == [
        (BlockKind.HEADING, "Fees"),
        (BlockKind.PARAGRAPH, "The Harbour fee is due\nin May."),
        (BlockKind.TABLE, "| City | Fee | Country |\n| Oslo | 42 | Norway |"),
    ]
    assert found.title == "Fees"


def test_slides_are_pages_and_charts_give_their_figures(tmp_path: Path) -> None:
    found = parsed(tmp_path, formats.slides())
    assert found.pages == 2
    assert [(block.text, block.page) for block in found.blocks][2:] == [
        ("Slide 2", 2),
        ("|  | Harbour fee |\n| May | 17.5 |", 2),
        ("Say it slowly.", 2),
    ]


def test_a_book_is_read_in_the_order_of_its_spine_and_names_its_chapters(tmp_path: Path) -> None:
    found = parsed(tmp_path, formats.book())
    assert [block.text for block in found.blocks if block.kind is BlockKind.HEADING] == ["Fees", "Chapter 2"]
    assert found.title == "Fees of the North"


def test_a_message_is_read_once_with_its_attachments_and_says_what_it_left_out(tmp_path: Path) -> None:
    found = parsed(tmp_path, formats.message())
    text = full_text(found.blocks)
    assert text.count(formats.WORDS) == 1
    assert found.blocks[0].text == "Fees of Łódź"
    assert "Attachment: fees.csv" in text
    assert len(found.notes) == 1
    assert "map.png" in found.notes[0]


def test_a_long_table_is_cut_between_rows_and_each_part_names_the_columns(tmp_path: Path) -> None:
    rows = "\n".join(f"{number},Place {number},{number * 7}" for number in range(400))
    found = parsed(tmp_path, f"number,place,score\n{rows}\n".encode())
    chunks = chunk_blocks(found.blocks)
    assert len(chunks) > 5
    assert all(chunk.heading == "number | place | score" for chunk in chunks)
    assert all(line.startswith("| ") and line.endswith(" |") for chunk in chunks for line in chunk.text.split("\n"))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Привет, как дела? Это короткий текст.", "koi8-r"),
        ("Привет, как дела? Это короткий текст.", "utf-16-be"),
        ("Die Prüfung für größere Straßen", "cp1252"),
        ("L\u2019été où nous étions à Genève, ça coûtait 5 €", "cp1252"),
        ("Zażółć gęślą jaźń", "cp1250"),
        ("こんにちは世界", "euc-jp"),
        ("你好世界這是繁體中文", "big5"),
        ("你好,世界,中文测试文本", "gb18030"),
        ("안녕하세요 세계", "euc-kr"),
        ("مرحبا بالعالم هذا نص", "cp1256"),
        ("名前,年齢\n佐藤太郎,30\n髙橋淳,35\n", "cp932"),
    ],
)
def test_even_short_texts_in_old_encodings_are_read(tmp_path: Path, text: str, encoding: str) -> None:
    found = full_text(parsed(tmp_path, text.encode(encoding)).blocks)
    assert set(text.replace(",", " ").split()) <= set(found.replace(",", " ").split())


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (formats.ENTITY_BOMB, {"hostile_file"}),
        (formats.zipped({"word/document.xml": formats.ENTITY_BOMB}), {"broken_file"}),
        (formats.zipped({"../../etc/passwd": "root"}), {"unsupported_type"}),
        (formats.book()[:-200], {"broken_file"}),
        (formats.workbook()[:3000], {"broken_file"}),
        (b"[" * 200_000 + b"]" * 200_000, {"nested_too_deeply"}),
        (b"<div>" * 200_000, {"no_text", "took_too_long", "too_large_unpacked"}),
        (b'{"a": 1}\n{"a": \n', {"broken_file"}),
        (b"{\\rtf1" + b"{" * 100_000, {"no_text", "broken_file"}),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), {"broken_file"}),
        (b"PK\x03\x04" + bytes(500), {"broken_file"}),
        (b"\x00\x00\x00\x20ftypmp42" + bytes(200), {"unsupported_type"}),
    ],
)
def test_a_hostile_file_ends_with_its_cause(tmp_path: Path, content: bytes, codes: set[str]) -> None:
    with pytest.raises(UnreadableFile) as caught:
        parsed(tmp_path, content)
    assert caught.value.code in codes
    assert caught.value.message.endswith(".")


def test_a_pdf_that_inflates_to_150_mb_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    stream = zlib.compress(b"BT (x) Tj ET " * (150 * MILLION // 13), 9)
    with pytest.raises(UnreadableFile) as caught:
        parsed(tmp_path, files.pdf_of_stream(stream))
    assert caught.value.code in ("too_large_unpacked", "took_too_long")
    assert caught.value.context["peak_bytes"] < 1100 * 1024 * 1024


def test_a_deeply_nested_page_is_read(tmp_path: Path) -> None:
    found = parsed(tmp_path, b"<html><body>" + b"<div>" * 3000 + b"Deep words." + b"</div>" * 3000)
    assert full_text(found.blocks) == "Deep words."


def test_prose_with_commas_is_no_table(tmp_path: Path) -> None:
    text = "First, we came.\nThen, we saw.\nAt last, we won.\nSo it was, as ever, told.\n"
    assert parsed(tmp_path, text.encode()).kind is FileKind.TEXT


def test_brackets_at_the_beginning_make_no_json(tmp_path: Path) -> None:
    assert parsed(tmp_path, b"[1] Miller et al.\n[2] Smith.\n").kind is FileKind.TEXT


def test_json_of_an_object_keeps_its_paths(tmp_path: Path) -> None:
    value = {"title": "Fees", "cities": [{"name": "Oslo", "tags": ["north", "sea"]}], "meta": {"year": 2026}}
    found = parsed(tmp_path, json.dumps(value).encode())
    assert full_text(found.blocks) == "title: Fees\n\ncities.name: Oslo\ncities.tags: north, sea\n\nmeta.year: 2026"
