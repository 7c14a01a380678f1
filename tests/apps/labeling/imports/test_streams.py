"""Tables of any length are read row by row in constant memory, at the promised speed."""

from __future__ import annotations

import io
import random
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from apps.core import outbox
from apps.datasets.streams import stream_text
from apps.labeling import services
from apps.labeling.import_models import Import
from tests.apps.labeling.imports.conftest import RIGHTS

GOAL_PER_S = 10_000
WORDS = "the parcel came late but well packed and our support answered within a day thank you very much".split()  # noqa: SIM905  # a sentence


def write_rows(path: Path, count: int) -> None:
    randomness = random.Random(4)
    with path.open("w") as file:
        file.write("id,text,label\n")
        for number in range(count):
            text = " ".join(randomness.choices(WORDS, k=18))
            extra = f" write to user{number}@example.org" if number % 50 == 0 else ""
            file.write(f"n{number},{text}{extra},{'good' if number % 2 else 'bad'}\n")


def read(content: bytes, name: str = "x.csv") -> list[Any]:
    return list(stream_text(io.BytesIO(content), name, len(content)))


def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for count in (2_000, 40_000):
        path = tmp_path / f"{count}.csv"
        write_rows(path, count)
        tracemalloc.start()
        with path.open("rb") as file:
            assert sum(1 for _ in stream_text(file, path.name, path.stat().st_size)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 8_000_000


def test_reading_goes_on_behind_a_quote_that_is_never_closed():
    rows = read(b'id,text\n1,fine\n2,"open\n3,good\n4,"x"y\n5,end\n')
    assert [(row.number, bool(row.fault)) for row in rows] == [(2, False), (3, True), (4, False), (5, True), (6, False)]


def test_a_field_over_several_lines_counts_as_one_row():
    rows = read(b'id,text\n1,"a\nb\nc"\n2,x\n')
    assert [(row.number, row.values["text"]) for row in rows] == [(2, "a\nb\nc"), (3, "x")]


def test_broken_bytes_are_named_in_their_row_and_the_rest_is_read():
    rows = read("text\nGrüße\nkaputt é".encode() + b"\xe9\n" + "übrig\n".encode())
    assert [bool(row.fault) for row in rows] == [False, True, False]
    assert "0xe9" in rows[1].fault


def test_a_line_of_jsonl_that_does_not_end_is_one_bad_row(monkeypatch):
    from apps.datasets import streams

    monkeypatch.setattr(streams, "MAX_LINE_CHARACTERS", 100)
    rows = read(b'{"text": "' + b"a" * 350 + b'"}\n{"text": "b"}\n', "x.jsonl")
    assert [(row.number, bool(row.fault)) for row in rows] == [(1, True), (2, False)]


@pytest.mark.django_db
def test_many_rows_are_imported_quickly(actor, tmp_path):
    """Measured in processor time, for tests share their processors; the soak test prints the whole figure."""
    path = tmp_path / "rows.csv"
    write_rows(path, 20_000)
    with path.open("rb") as file:
        batch = services.create_import(actor=actor, file=file, filename=path.name, **RIGHTS)
    began = time.process_time()
    outbox.drain()
    rate = 20_000 / (time.process_time() - began)
    print(f"{rate:,.0f} rows a second of processor time")  # noqa: T201  # the figure
    batch = Import.objects.get(id=batch.id)
    assert (batch.state, batch.item_count, batch.masked_count) == ("ready", 20_000, 400)
    assert rate > GOAL_PER_S / 2
