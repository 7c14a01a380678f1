"""Zip files are looked at before anything is unpacked: bombs and slips are refused, good files go on."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from apps.core.errors import InvalidInput
from apps.labeling.import_types import Record, UnusableMedia
from apps.labeling.imports import archive
from apps.labeling.imports.archive import ZipSource
from apps.labeling.imports.reading import MediaFile, Place

START = Place()


def packed(*files: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as made:
        for name, content in files:
            made.writestr(name, content)
    return target.getvalue()


def read(content: bytes, start: Place = START) -> list[Record]:
    source = ZipSource(io.BytesIO(content), "set.zip")
    try:
        return list(source.records(start))
    finally:
        source.close()


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/etc/passwd.png", "C:\\evil.png", "..\\evil.png", "a\x07.png"]
)
def test_names_that_lead_out_or_hide_something_are_left_out(name):
    records = read(packed((name, b"x"), ("good.png", b"x")))
    assert [bool(record.fault) for record in records] == [True, False]


def test_links_encrypted_empty_and_repeated_files_are_left_out():
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = packed((link, b"/etc/passwd"), ("empty.png", b""), ("a.png", b"x"), ("a.png", b"y"))
    faults = [record.fault for record in read(content)]
    assert faults[0].startswith("It is a link")
    assert faults[1] == "The file is empty."
    assert faults[2] == ""
    assert "same name" in faults[3]
    locked = bytearray(packed(("locked.png", b"x" * 30), compression=zipfile.ZIP_STORED))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(signature) + offset] |= 1
    assert read(bytes(locked))[0].fault == "It is encrypted."


def test_a_file_packed_like_a_bomb_is_left_out():
    records = read(packed(("bomb.png", b"\0" * 5_000_000), ("good.png", b"x")))
    assert "zip bomb" in records[0].fault
    assert not records[1].fault


def test_an_archive_that_unpacks_to_too_much_is_refused_whole(monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 1_000)
    with pytest.raises(InvalidInput) as caught:
        read(packed(("a.png", b"a" * 900), ("b.png", b"b" * 900)))
    assert caught.value.code == "zip_bomb"
    monkeypatch.setattr(archive, "MAX_ENTRIES", 1)
    with pytest.raises(InvalidInput) as caught:
        read(packed(("a.png", b"a"), ("b.png", b"b")))
    assert caught.value.code == "too_many_files"


def test_the_list_of_files_is_not_read_where_it_would_fill_the_memory(monkeypatch):
    content = packed(*((f"{n}.png", b"x") for n in range(2_000)))
    monkeypatch.setattr(archive, "MAX_LIST_BYTES", 100_000)
    tracemalloc.start()
    with pytest.raises(InvalidInput) as caught:
        read(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (caught.value.code, peak < 500_000) == ("too_many_files", True)


def test_tables_are_put_first_without_comparing_each_file_with_each(monkeypatch):
    def compared(*_: object) -> bool:
        raise AssertionError("a hundred thousand tables would take hours")

    monkeypatch.setattr(archive._Entry, "__eq__", compared)
    source = ZipSource(io.BytesIO(packed(*((f"{n}.{'png' if n % 2 else 'csv'}", b"x") for n in range(9)))), "set.zip")
    assert [entry.is_table for entry in source.members] == [True] * 5 + [False] * 4


def test_a_packing_that_takes_what_memory_it_likes_is_left_out():
    records = read(packed(("a.png", b"x" * 99), compression=zipfile.ZIP_LZMA))
    assert "not read here" in records[0].fault


def test_entries_that_share_their_bytes_are_refused():
    content = bytearray(packed(("a.png", b"a" * 100), ("b.png", b"b" * 100), compression=zipfile.ZIP_STORED))
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = struct.pack("<I", 0)
    with pytest.raises(InvalidInput) as caught:
        read(bytes(content))
    assert caught.value.code == "zip_bomb"


def test_what_systems_add_is_passed_over_and_an_excel_file_is_named():
    content = packed(
        ("__MACOSX/._a.png", b"x"), (".DS_Store", b"x"), ("a/Thumbs.db", b"x"), ("a/b.png", b"x"), ("a/", b"")
    )
    assert [record.file for record in read(content)] == ["a/b.png"]
    with pytest.raises(InvalidInput, match="Excel"):
        read(packed(("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>")))
    with pytest.raises(InvalidInput, match="no files"):
        read(packed((".DS_Store", b"x")))


def test_names_in_utf_8_without_its_mark_are_read():
    content = packed(("gr\u00fc\u00dfe.png", b"x"))
    unmarked = content.replace("gr\u00fc\u00dfe.png".encode(), b"gr\xc3\xbc\xc3\x9fe.png")
    data = bytearray(unmarked)
    for signature, offset in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        data[data.index(signature) + offset] &= ~0x08
    assert read(bytes(data))[0].file == "gr\u00fc\u00dfe.png"


def test_a_file_whose_bytes_were_changed_is_named_when_it_is_unpacked(tmp_path: Path):
    content = bytearray(packed(("a.png", b"abcdefgh" * 10), compression=zipfile.ZIP_STORED))
    content[content.index(b"abcdefgh")] = 0
    source = ZipSource(io.BytesIO(bytes(content)), "set.zip")
    media = next(source.records(START)).values["file"]
    assert isinstance(media, MediaFile)
    with pytest.raises(UnusableMedia, match="cannot be unpacked"):
        media.write(tmp_path / "out")
    source.close()


def test_reading_goes_on_behind_any_place():
    manifest = "file,text\n" + "".join(f"{n}.png,number {n}\n" for n in range(5))
    content = packed(("manifest.csv", manifest.encode()), *((f"{n}.png", b"x") for n in range(7)))
    whole = read(content)
    assert len(whole) == 7
    for count in range(8):
        start = Place(whole[count - 1].member, whole[count - 1].index) if count else START
        rest = read(content, start)
        assert [(one.file, one.row) for one in rest] == [(one.file, one.row) for one in whole[count:]]
