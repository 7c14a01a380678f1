"""`manage.py replay_predictions`: its figures, its input, its errors."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from apps.compute import runner
from apps.core.errors import InvalidInput
from apps.labeling.machine.embedding import embed_texts, read_vectors
from apps.labeling.machine.items import OUT_OF_SCOPE, read_items
from apps.labeling.machine.replay import Point, labels_to


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def recorded(tmp_path: Path, blobs: Callable[..., Any]) -> tuple[Path, Path]:
    """300 items of three classes and 30 out of scope, a quarter held out, with their embeddings."""
    vectors, labels = blobs(classes=3, each=100)
    foreign = np.random.default_rng(5).normal(size=(30, 24)).astype(np.float32)
    rows = [
        {"text": f"text {n}", "label": f"class {label}" if label < 3 else "oos", "split": "train" if n % 4 else "test"}
        for n, label in enumerate([*labels.tolist(), *[3] * 30])
    ]
    path = tmp_path / "vectors.npy"
    np.save(path, np.concatenate([vectors, foreign]))
    return write(tmp_path / "items.csv", rows), path


def replayed(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("replay_predictions", *arguments, stdout=out, stderr=io.StringIO())
    result: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return result


def test_the_last_line_says_what_was_reached(recorded: tuple[Path, Path]) -> None:
    items, vectors = recorded
    result = replayed("--items", str(items), "--embeddings", str(vectors), "--seeds", "2", "--target", "0.9")
    assert (result["items"], result["held_out_items"], result["classes"]) == (247, 83, 3)
    assert result["human_labels_to_target"] <= result["random_labels"]
    assert result["ratio_to_random"] == round(result["human_labels_to_target"] / result["random_labels"], 3)
    assert result["promised_precision"] == 0.9
    assert result["human_labels"] + result["machine_accepted"] == 247
    assert sum(result[f"human_labels_{purpose}"] for purpose in ("start", "learn", "audit")) == result["human_labels"]
    assert 0 <= result["human_labels_left"] <= result["human_labels_learn"]
    assert result["out_of_scope_items"] == 30
    assert len(result["runs"]) == 2
    assert result == {**result, **result["runs"][0]}


def test_the_others_may_learn_as_our_machine_does(recorded: tuple[Path, Path]) -> None:
    arguments = ("--items", str(recorded[0]), "--embeddings", str(recorded[1]), "--seeds", "1", "--target", "0.9")
    alone, beside = replayed(*arguments), replayed(*arguments, "--same")
    added = set(beside) - set(alone)
    assert {"random_same_labels", "margin_same_labels", "ratio_to_random_same_held_out"} <= added
    assert all("same" in name for name in added)
    assert beside["human_labels_to_target"] == alone["human_labels_to_target"]


def test_the_figures_are_the_same_each_time(recorded: tuple[Path, Path]) -> None:
    arguments = ("--items", str(recorded[0]), "--embeddings", str(recorded[1]), "--seeds", "1")
    first, second = replayed(*arguments), replayed(*arguments)
    for result in (first, second):
        del result["seconds"], result["embedding_seconds"]
    assert first == second


def test_labels_to_a_target_that_was_never_reached() -> None:
    points = [Point(10, 0.7, 0.8), Point(20, 0.9, 0.95)]
    assert labels_to(points, 0.9, "held_out") == 20
    assert labels_to(points, 0.8, "pool") == 10
    assert labels_to(points, 0.96, "pool") is None


def test_rows_out_of_scope_are_one_class_however_they_are_marked(tmp_path: Path) -> None:
    rows = [{"text": f"t{n}", "label": "ab"[n % 2], "out_of_scope": ""} for n in range(90)]
    rows += [
        {"text": "x", "label": "", "out_of_scope": "yes"},
        {"text": "y", "label": "OOS", "out_of_scope": "no"},
        {"text": "z", "label": "other", "out_of_scope": ""},
    ]
    items = read_items(write(tmp_path / "items.csv", rows), out_of_scope="other")
    assert items.classes == ["a", "b", OUT_OF_SCOPE]
    assert items.labels[-3:] == [2, 2, 2]
    assert items.out_of_scope == 2
    assert sum(items.held_out) == round(0.25 * 93)


def test_jsonl_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"t{n}", "label": "ab"[n % 2]}) for n in range(80)))
    assert read_items(path).classes == ["a", "b"]
    assert read_items(path, seed=1).held_out != read_items(path, seed=2).held_out


@pytest.mark.parametrize(
    ("changes", "row", "field", "words"),
    [
        ({"label": ""}, 5, "label", "The label is empty"),
        ({"split": "later"}, 5, "split", "neither train nor test"),
        ({"out_of_scope": "perhaps"}, 5, "out_of_scope", "neither yes nor no"),
        ({"text": " "}, 5, "text", ""),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, changes: dict[str, str], row: int, field: str, words: str) -> None:
    rows = [{"text": f"t{n}", "label": "ab"[n % 2], "split": "train", "out_of_scope": ""} for n in range(80)]
    rows[3] |= changes
    with pytest.raises(InvalidInput) as caught:
        read_items(write(tmp_path / "items.csv", rows))
    problem = caught.value.context["errors"][0]
    assert (problem["row"], problem["field"]) == (row, field)
    assert words in problem["message"]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([{"text": "a"}], "wrong_columns"),
        ([{"text": f"t{n}", "label": "only"} for n in range(100)], "too_few_classes"),
        ([{"text": f"t{n}", "label": "ab"[n % 2]} for n in range(20)], "too_few_rows"),
    ],
)
def test_a_file_that_cannot_be_replayed_says_why(tmp_path: Path, rows: list[dict[str, str]], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_items(write(tmp_path / "items.csv", rows))
    assert caught.value.code == code


def test_the_command_names_the_rows(tmp_path: Path) -> None:
    rows = [{"text": f"t{n}", "label": "ab"[n % 2] if n else ""} for n in range(80)]
    with pytest.raises(CommandError, match="row 2, label: The label is empty"):
        replayed("--items", str(write(tmp_path / "items.csv", rows)))
    with pytest.raises(CommandError, match=r"absent\.csv” cannot be read"):
        replayed("--items", str(tmp_path / "absent.csv"))


@pytest.mark.parametrize("arguments", [("--target", "95"), ("--target", "high"), ("--seeds", "0")])
def test_wrong_options_are_refused(recorded: tuple[Path, Path], arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="is not a"):
        replayed("--items", str(recorded[0]), *arguments)


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (np.zeros((3, 4), dtype=np.float32), "has 3 rows for 2 items"),
        (np.zeros(2, dtype=np.float32), "items by dimensions"),
        (np.array([["a"], ["b"]]), "real numbers"),
        (np.array([[1.0], [np.nan]]), "row 2 has a value that is not a number"),
    ],
)
def test_embeddings_that_do_not_fit_are_refused(tmp_path: Path, vectors: Any, words: str) -> None:
    np.save(tmp_path / "vectors.npy", vectors)
    with pytest.raises(InvalidInput, match=words):
        read_vectors(tmp_path / "vectors.npy", 2)


def test_a_file_that_is_no_array_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vectors.npy").write_text("text")
    with pytest.raises(InvalidInput, match="not a readable"):
        read_vectors(tmp_path / "vectors.npy", 2)


def test_texts_are_embedded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def embed(texts: list[str]) -> list[list[float]]:
        asked.append(texts)
        return [[float(len(text)), 1.0] for text in texts]

    monkeypatch.setattr(runner, "embed", embed)
    done: list[int] = []
    first = embed_texts(["a", "bb"], tmp_path / "cache", progress=done.append)
    again = embed_texts(["a", "bb"], tmp_path / "cache")
    assert first.tolist() == again.tolist() == [[1.0, 1.0], [2.0, 1.0]]
    assert (asked, done) == ([["a", "bb"]], [2])
    embed_texts(["ab", "b"], tmp_path / "cache")
    assert len(asked) == 2
