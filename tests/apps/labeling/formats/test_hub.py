"""Parquet and folders for the Hub, as `datasets` opens them; JSONL and CSV; how fast lines are written."""

from __future__ import annotations

import csv
import io
import json
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apps.labeling.formats import hub, tabular
from apps.labeling.formats.hub_features import features
from apps.labeling.formats.items import Answered, FormatProblem, Item
from tests.apps.labeling.formats.samples import ALL, IMAGE, IMAGE_ITEMS, TEXT, TEXT_ITEMS


@pytest.fixture
def load_dataset(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`datasets.load_dataset`, without network and with a cache beside the files."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    return lambda path: datasets.load_dataset(str(path), cache_dir=str(path / ".cache"))


def folder(tmp_path: Path, name: str, **options: Any) -> Path:
    design, items = ALL[name]
    card = {"name": "A: “set”", "summary": "What", "licence": "CC-BY-4.0", "text": "More"}
    packed = b"".join(hub.write_folder(design, items, card, **options))
    target = tmp_path / name
    zipfile.ZipFile(io.BytesIO(packed)).extractall(target)
    return target


@pytest.mark.parametrize("name", ALL)
def test_datasets_opens_a_folder_with_our_features(name, tmp_path, load_dataset):
    import datasets

    design, items = ALL[name]
    found = load_dataset(folder(tmp_path, name))
    assert {split: len(rows) for split, rows in found.items()} == {items[0].split or "train": len(items)}
    (rows,) = found.values()
    assert rows.features == datasets.Features.from_dict(features(design))


def test_classes_are_class_labels(tmp_path, load_dataset):
    row = load_dataset(folder(tmp_path, "text"))["test"][0]
    rows = load_dataset(folder(tmp_path, "text"))["test"]
    assert rows.features["label"].int2str(row["label"]) == "spam"
    assert row["topics"] == [0, 2]
    assert row["entities"]["spans"][1]["label"] == 1
    assert json.loads(row["answers"][0]["answer"])["stars"] == 1


def test_files_go_in_where_they_are_wanted(tmp_path, load_dataset):
    import datasets

    path = folder(tmp_path, "image", read_media=lambda value: b"bytes of " + value["media"].encode())
    rows = load_dataset(path)["train"].cast_column("image", datasets.Image(decode=False))
    assert rows[0]["image"]["bytes"].startswith(b"bytes of 0192")
    assert rows[0]["image"]["path"].endswith(".png")
    plain = load_dataset(folder(tmp_path / "other", "image"))["train"]
    assert plain.cast_column("image", datasets.Image(decode=False))[0]["image"]["bytes"] is None


def test_many_rows_make_several_shards(tmp_path, load_dataset):
    items = [replace(TEXT_ITEMS[0], id=str(number), split="train") for number in range(25)]
    packed = b"".join(hub.write_folder(TEXT, items, {"name": "n"}, rows_of_a_shard=10))
    names = sorted(name for name in zipfile.ZipFile(io.BytesIO(packed)).namelist())
    # Groups are a thousand rows, so 25 rows are one group and one shard.
    assert names == ["README.md", "data/train-00000-of-00001.parquet"]
    many = (replace(TEXT_ITEMS[0], id=str(number), split="train") for number in range(2_500))
    packed = b"".join(hub.write_folder(TEXT, many, {"name": "n"}, rows_of_a_shard=1_000))
    zipfile.ZipFile(io.BytesIO(packed)).extractall(tmp_path / "many")
    assert len(list((tmp_path / "many" / "data").iterdir())) == 3
    assert load_dataset(tmp_path / "many")["train"]["id"][-1] == "2499"


@pytest.mark.parametrize("name", ["text", "chat"])
def test_items_are_read_back_from_parquet(name):
    design, items = ALL[name]
    packed = b"".join(hub.write_parquet(design, items))
    again = list(hub.read_items(design, io.BytesIO(packed)))
    for item, found in zip(items, again, strict=True):
        assert found == replace(item, gold=None, extra={})


def test_shapes_and_media_are_read_back_from_parquet():
    (first, _) = hub.read_items(IMAGE, io.BytesIO(b"".join(hub.write_parquet(IMAGE, IMAGE_ITEMS))))
    assert first.result == IMAGE_ITEMS[0].result
    assert first.data["image"]["url"].startswith("media/0192")


def test_the_card_is_yaml_in_front_of_markdown():
    text = hub.card_markdown({"name": 'a "b": c', "licence": "https://x.example/l", "text": "Body"}, TEXT, {"train": 5})
    head, body = text.split("---\n")[1:]
    import yaml

    front = yaml.safe_load(head)
    assert front["pretty_name"] == 'a "b": c'
    assert (front["license"], front["license_link"]) == ("other", "https://x.example/l")
    assert front["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*"}]
    assert body.endswith("Body\n")


def test_no_items_and_no_parquet_are_refused():
    with pytest.raises(FormatProblem, match="no items"):
        list(hub.write_folder(TEXT, [], {}))
    with pytest.raises(FormatProblem, match="no Parquet"):
        list(hub.read_parquet(io.BytesIO(b"PAR1 but not really")))


@pytest.mark.parametrize("name", ALL)
def test_lines_are_read_back(name):
    _, items = ALL[name]
    assert list(tabular.read_jsonl(io.BytesIO(b"".join(tabular.write_jsonl(items))))) == items


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"id": 1}', b'{"id": 1, "data": {}, "answers": [1]}', b"\xff"])
def test_lines_that_are_no_items_are_named(line):
    with pytest.raises(FormatProblem, match="Line 2"):
        list(tabular.read_jsonl(io.BytesIO(b"\n" + line)))


def test_a_table_has_a_line_for_each_item():
    rows = list(csv.DictReader(io.StringIO(b"".join(tabular.write_csv(TEXT, TEXT_ITEMS)).decode(), newline="")))
    assert rows[0]["text"] == TEXT_ITEMS[0].data["text"]
    assert rows[0]["label"] == "spam"
    assert json.loads(rows[0]["topics"]) == ["a", "c"]
    assert (rows[0]["confidence"], rows[0]["answers"]) == ("0.97", "1")


def test_lines_are_written_faster_than_twenty_thousand_answers_a_second():
    answers = tuple(Answered(f"w{n}", {"label": "spam"}, 1200, "accepted") for n in range(5))
    items = [
        Item(str(n), {"text": "Some words to look at."}, {"label": "spam"}, 0.9, "human", answers) for n in range(8_000)
    ]
    started = time.process_time()
    size = sum(len(part) for part in tabular.write_jsonl(iter(items)))
    rate = 40_000 / (time.process_time() - started)
    assert size > 1_000_000
    assert rate > 20_000, f"{rate:,.0f} answers/s"
