"""Files are read for what they are, in a child under limits; what cannot be read says why and what to do."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from apps.knowledge.chunking import full_text
from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.process import ParsingLimits, parse_file
from apps.knowledge.types import BlockKind, FileKind
from tests.apps.knowledge import files


def test_a_pdf_gives_text_with_pages(tmp_path: Path) -> None:
    parsed = parse_file(_written(tmp_path, files.pdf("First page.", "Second page.")))
    assert parsed.kind is FileKind.PDF
    assert [(block.text, block.page) for block in parsed.blocks] == [("First page.", 1), ("Second page.", 2)]
    assert parsed.pages == 2


def test_a_word_document_gives_headings_and_tables(tmp_path: Path) -> None:
    parsed = parse_file(_written(tmp_path, files.word()))
    kinds = [(block.kind, block.level) for block in parsed.blocks]
    assert kinds == [
        (BlockKind.HEADING, 1),
        (BlockKind.HEADING, 2),
        (BlockKind.PARAGRAPH, 0),
        (BlockKind.TABLE, 0),
    ]
    assert parsed.blocks[-1].text == "| Month | Rent |\n| May | 900 |"


def test_the_name_of_a_file_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "looks-like.docx"
    path.write_bytes(files.pdf("It is a PDF."))
    assert parse_file(path).kind is FileKind.PDF


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_in_any_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    text = "Die Prüfung für größere Straßen dauert zwölf Tage, sagte Jürgen Müller später. " * 5
    assert "größere Straßen" in full_text(parse_file(_written(tmp_path, text.encode(encoding))).blocks)


def test_zero_characters_are_stripped(tmp_path: Path) -> None:
    parsed = parse_file(_written(tmp_path, b"Price list\x00 of the year. " * 20))
    assert "\x00" not in full_text(parsed.blocks)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"  \n ", "empty_file"),
        (files.encrypted_pdf(), "encrypted_pdf"),
        (files.pdf(""), "no_text"),
        (files.pdf("Text.")[:120], "broken_file"),
        (files.word()[:2000], "broken_file"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "unsupported_type"),
        (b"<!DOCTYPE html><html><body><script>1</script></body></html>", "no_text"),
        (bytes(range(256)) * 8, "unsupported_type"),
        (b"-- -- !! ??", "no_text"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        parse_file(_written(tmp_path, content))
    assert caught.value.code == code
    assert caught.value.message.endswith(".")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * (210 * 1024 * 1024))
    with pytest.raises(UnreadableFile) as caught:
        parse_file(_written(tmp_path, target.getvalue()))
    assert caught.value.code == "too_large_unpacked"


def test_a_child_over_its_memory_limit_costs_only_itself(tmp_path: Path) -> None:
    limits = ParsingLimits(memory_bytes=40 * 1024 * 1024)
    with pytest.raises(UnreadableFile):
        parse_file(_written(tmp_path, b"word " * 3_000_000), limits)


def test_a_child_over_its_time_limit_is_ended(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as caught:
        parse_file(_written(tmp_path, b"word " * 100_000), ParsingLimits(wall_s=0.01))
    assert caught.value.code == "took_too_long"


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path
