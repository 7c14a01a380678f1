"""Training rows: downloaded, read, checked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import httpx
from pydantic import ValidationError

from gpu_runner.errors import DataUnavailable, InvalidTrainingData
from gpu_runner.protocol import ClassScore, RowsUrl, TrainingRow

MAX_NAMED_PROBLEMS = 20
MAX_CLASSES = 200
_CHUNK = 1 << 16
_TIMEOUT_S = 60.0


def download_rows(source: RowsUrl, path: Path, max_bytes: int) -> None:
    """Fetch the signed URL into a file, bounded and checked against its hash. Redirects are not followed.

    Raises:
        DataUnavailable: not reachable, expired, too large, or other bytes than announced.
    """
    temporary, digest, size = path.with_suffix(".part"), hashlib.sha256(), 0
    try:
        with (
            httpx.stream("GET", source.url, timeout=_TIMEOUT_S, trust_env=False) as response,
            temporary.open("wb") as out,
        ):
            if response.status_code != httpx.codes.OK:
                raise DataUnavailable(f"The training data could not be fetched (status {response.status_code}).")
            for chunk in response.iter_bytes(_CHUNK):
                size += len(chunk)
                if size > max_bytes:
                    raise DataUnavailable(f"The training data is larger than {max_bytes >> 20} MB.")
                digest.update(chunk)
                out.write(chunk)
    except httpx.HTTPError as error:
        raise DataUnavailable(f"The training data could not be fetched ({type(error).__name__}).") from error
    if digest.hexdigest() != source.sha256:
        raise DataUnavailable("The training data that arrived is not the data that was announced.")
    temporary.replace(path)


def read_rows(path: Path) -> list[TrainingRow]:
    """Rows of a JSONL file.

    Raises:
        InvalidTrainingData: names the lines that cannot be read, or what is missing.
    """
    rows: list[TrainingRow] = []
    problems: list[dict[str, object]] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                rows.append(TrainingRow.model_validate_json(line))
            except ValidationError as error:
                first = error.errors()[0]
                field = ".".join(str(part) for part in first["loc"])
                problems.append({"row": number, "field": field, "message": first["msg"]})
    if problems:
        raise InvalidTrainingData(
            f"{len(problems)} rows cannot be read.", errors=problems[:MAX_NAMED_PROBLEMS], rows=len(problems)
        )
    check_rows(rows)
    return rows


def check_rows(rows: Sequence[TrainingRow]) -> None:
    """There is something to learn and something to measure it on. Raises InvalidTrainingData."""
    train = Counter(row.label for row in rows if row.split == "train")
    test = Counter(row.label for row in rows if row.split == "test")
    if not rows:
        raise InvalidTrainingData("There are no rows.")
    if len(train) < 2:
        raise InvalidTrainingData(
            f"Training needs rows of at least two classes; there is {len(train)}.", classes=sorted(train)
        )
    if len(train) > MAX_CLASSES:
        raise InvalidTrainingData(f"At most {MAX_CLASSES} classes; there are {len(train)}.")
    if not test:
        raise InvalidTrainingData("No rows are held out to measure the result on.")


def split_rows(rows: Sequence[TrainingRow]) -> tuple[list[TrainingRow], list[TrainingRow], int]:
    """Training rows, held-out rows, and how many held-out rows were left out for having a class never trained."""
    train = [row for row in rows if row.split == "train"]
    known = {row.label for row in train}
    test = [row for row in rows if row.split == "test"]
    measurable = [row for row in test if row.label in known]
    if not measurable:
        raise InvalidTrainingData("No held-out row has a class that occurs in training.")
    return train, measurable, len(test) - len(measurable)


def accuracy(truth: Sequence[str], found: Sequence[str]) -> float:
    """Part of equal entries."""
    return sum(a == b for a, b in zip(truth, found, strict=True)) / len(truth)


def majority_accuracy(train: Sequence[TrainingRow], test: Sequence[TrainingRow]) -> float:
    """Accuracy of always answering the class that is most frequent in training (first by name on a tie)."""
    counts = Counter(row.label for row in train)
    majority = min(counts, key=lambda label: (-counts[label], label))
    return accuracy([row.label for row in test], [majority] * len(test))


def class_scores(classes: Sequence[str], truth: Sequence[str], found: Sequence[str]) -> list[ClassScore]:
    """Precision and recall of each class; 0 where nothing was predicted or there was nothing to find."""
    pairs = list(zip(truth, found, strict=True))
    scores = []
    for label in classes:
        hit = sum(a == b == label for a, b in pairs)
        said, there = sum(b == label for _, b in pairs), sum(a == label for a, _ in pairs)
        scores.append(
            ClassScore(
                label=label,
                precision=hit / said if said else 0.0,
                recall=hit / there if there else 0.0,
                rows=there,
            )
        )
    return scores
