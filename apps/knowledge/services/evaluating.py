"""Files through the real pipeline in a workspace of their own, compared with what was expected of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.compute import runner
from apps.core.errors import DependencyFailed, DomainError, InvalidInput
from apps.knowledge.models import Chunk, Document, DocumentText
from apps.knowledge.services.create_base import create_knowledge_base
from apps.knowledge.services.documents import Upload, add_documents, retry_document
from apps.knowledge.services.ingest import ingest_document
from apps.knowledge.services.workspace import temporary_workspace
from apps.knowledge.types import DocumentState
from apps.tenancy.types import Actor

EXPECTED_NAME = "expected.jsonl"
_MEGABYTE = 1024 * 1024
_SUCCESSES = ("ok", "ok_password", "ok_or_error", "")


@dataclass
class FileOutcome:
    """What became of one file.

    `outcome` is `ok`, `ok_password` (it opened with the given password and not without), `no_text` or `error`.
    `missing` names each expectation that was not met, in words.
    """

    file: str
    outcome: str
    expected: str
    cause: str
    seconds: float
    peak_mb: float
    chunks: int
    missing: list[str] = field(default_factory=list)
    notes: str = ""

    @property
    def is_as_expected(self) -> bool:
        """Whether the outcome is the expected one and nothing is missing."""
        return not self.missing


def evaluate_folder(folder: Path, progress: Callable[[FileOutcome], None]) -> tuple[list[FileOutcome], bool]:
    """Ingest every file below `folder`; what to expect is read from its `expected.jsonl`, where it has one.

    Returns:
        The outcomes, and whether passages were embedded too (false where the embedding service does not answer).

    Raises:
        InvalidInput: there is no such folder, it is empty, or `expected.jsonl` cannot be read.
    """
    files = _files(folder)
    expectations = _expectations(folder)
    names = {str(path.relative_to(folder)) for path in files}
    is_embedding = _is_embedding()
    outcomes: list[FileOutcome] = []
    with temporary_workspace("Evaluation of ingestion") as actor:
        for path in files:
            name = str(path.relative_to(folder))
            outcomes.append(_ingest(actor, path, name, expectations.get(name, {})))
            progress(outcomes[-1])
    for name in sorted(expectations.keys() - names):
        expected = str(expectations[name].get("outcome", ""))
        outcomes.append(FileOutcome(name, "error", expected, "There is no such file.", 0, 0, 0, ["the file itself"]))
        progress(outcomes[-1])
    return outcomes, is_embedding


def totals(outcomes: Sequence[FileOutcome], seconds: float, *, is_embedded: bool) -> dict[str, Any]:
    """The figures of a run as plain JSON values."""
    counts = {name: sum(one.outcome == name for one in outcomes) for name in ("ok", "ok_password", "no_text", "error")}
    return {
        "files": len(outcomes),
        "as_expected": sum(one.is_as_expected for one in outcomes),
        **counts,
        "unexpected": [one.file for one in outcomes if not one.is_as_expected],
        "missing": sum(len(one.missing) for one in outcomes),
        "chunks": sum(one.chunks for one in outcomes),
        "embedded": is_embedded,
        "seconds": round(seconds, 2),
        "slowest_s": max((one.seconds for one in outcomes), default=0),
        "peak_mb": max((one.peak_mb for one in outcomes), default=0),
    }


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InvalidInput("no_folder", f"There is no folder {folder}.")
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != EXPECTED_NAME)
    if not found:
        raise InvalidInput("no_files", f"There are no files in {folder}.")
    return found


def _expectations(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / EXPECTED_NAME
    found: dict[str, dict[str, Any]] = {}
    if not path.exists():
        return found
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found[str(row["file"])] = row
        except (ValueError, KeyError, TypeError):
            raise InvalidInput("invalid_rows", f"{path}, line {number}: no JSON object with a `file`.") from None
    return found


def _is_embedding() -> bool:
    try:
        runner.embed(["Does the embedding service answer?"])
    except DependencyFailed:
        return False
    return True


def _ingest(actor: Actor, path: Path, name: str, expected: dict[str, Any]) -> FileOutcome:
    """One file in a knowledge base of its own, so that equal files are read twice."""
    base = create_knowledge_base(actor=actor, name=path.name[-100:] or "file")
    started = time.monotonic()
    is_protected = False
    row: Document | None = None
    cause = ""
    try:
        with path.open("rb") as content:
            upload = Upload(path.name, path.stat().st_size, content)
            added = add_documents(actor=actor, knowledge_base_id=base.id, files=[upload])[0].document
        row = _read(added.id)
        password = str(expected.get("password", ""))
        is_protected = row.cause_code == "encrypted_pdf"
        if password and is_protected:
            retry_document(actor=actor, document_id=added.id, password=password)
            row = _read(added.id)
    except DomainError as error:  # refused before it was stored: too large
        cause = error.message
    seconds = round(time.monotonic() - started, 3)
    return _judged(row, cause, name, expected, seconds, is_protected=is_protected)


def _read(document_id: Any) -> Document:
    with suppress(DependencyFailed):  # read and cut, but not embedded: said once for all
        ingest_document(document_id)
    return Document.objects.get(id=document_id)


def _judged(
    row: Document | None, cause: str, name: str, expected: dict[str, Any], seconds: float, *, is_protected: bool
) -> FileOutcome:
    is_good = row is not None and row.state in (DocumentState.READY, DocumentState.EMBEDDING)
    if is_good:
        outcome = "ok_password" if is_protected else "ok"
    else:
        outcome = "no_text" if row is not None and row.cause_code == "no_text" else "error"
    wanted = str(expected.get("outcome", ""))
    found = FileOutcome(
        file=name,
        outcome=outcome,
        expected=wanted,
        cause=row.cause if row is not None and not is_good else cause,
        seconds=seconds,
        peak_mb=round(row.peak_bytes / _MEGABYTE, 1) if row is not None else 0.0,
        chunks=row.chunk_count if row is not None else 0,
        notes=row.notes if row is not None else "",
    )
    if not _is_wanted(outcome, wanted):
        found.missing.append(f"outcome {wanted}, was {outcome}")
    if not is_good and not found.cause:
        found.missing.append("a cause")
    if row is not None and is_good and wanted in _SUCCESSES:
        found.missing += _missing(row, expected)
    limit = expected.get("timeout_s")
    if limit is not None and seconds > float(limit):
        found.missing.append(f"an end within {limit} s, took {seconds} s")
    return found


def _is_wanted(outcome: str, wanted: str) -> bool:
    if wanted in ("", "ok_or_error"):
        return True
    if wanted == "error":
        return outcome in ("error", "no_text")
    return outcome == wanted


def _missing(row: Document, expected: dict[str, Any]) -> Iterator[str]:
    text = DocumentText.objects.filter(document=row).values_list("text", flat=True).first() or ""
    plain = _plain(text)
    for words in expected.get("must_include", ()):
        if _plain(words) not in plain:
            yield f"text “{words}”"
    for words in expected.get("must_not_include", ()):
        if _plain(words) in plain:
            yield f"text without “{words}”"
    passages = list(Chunk.objects.filter(document=row).values_list("start", "end", "text"))
    wrong = sum(text[start:end] != passage for start, end, passage in passages)
    if wrong:
        yield f"right positions of {wrong} passages"
    lines = [_plain(line) for _, _, passage in passages for line in passage.split("\n")]
    for cells in expected.get("table_rows", ()):
        if not any(_in_order([_plain(cell) for cell in cells], line) for line in lines):
            yield f"table row {' | '.join(cells)}"
    pages = expected.get("pages", expected.get("slides"))
    if pages is not None and row.pages != pages:
        yield f"{pages} pages, found {row.pages}"
    rows = expected.get("rows")
    if rows is not None and (count := sum(line.startswith("| ") for line in text.split("\n")) - 1) != rows:
        yield f"{rows} rows, found {count}"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _in_order(cells: Sequence[str], line: str) -> bool:
    position = 0
    for cell in cells:
        position = line.find(cell, position)
        if position < 0:
            return False
        position += len(cell)
    return True
