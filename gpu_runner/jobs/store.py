"""State of jobs on disk, written so that a killed process loses nothing.

`<data>/jobs/<id>/`: `request.json` (what to do), `rows.jsonl` (inline data), `status.json`, `events.jsonl`,
`attempt-<n>/` (what that start of the job wrote).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from gpu_runner.errors import UnknownJob
from gpu_runner.protocol import InlineRows, JobEvent, JobRequest, JobStatus, TrainingRow

REQUEST, ROWS, STATUS, EVENTS = "request.json", "rows.jsonl", "status.json", "events.jsonl"


def content_hash(request: JobRequest) -> str:
    """Hash of what the job does. A signed URL may differ between two submissions; the file's hash may not."""
    data = request.data
    rows = data.model_dump_json() if isinstance(data, InlineRows) else data.sha256
    return hashlib.sha256(f"{request.spec.model_dump_json()}\n{rows}".encode()).hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Replace a file, whole or not at all, also across a power cut."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class JobStore:
    """One directory a job; the files are the truth, read again at every start of the process."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "jobs"
        self._root.mkdir(parents=True, exist_ok=True)

    def directory(self, job_id: UUID) -> Path:
        """Where a job's files are."""
        return self._root / str(job_id)

    def load_all(self) -> list[JobStatus]:
        """The stored state of every job; a half-created one (no status yet) was never acknowledged and is removed."""
        found = []
        for directory in sorted(self._root.iterdir()):
            try:
                found.append(JobStatus.model_validate_json((directory / STATUS).read_bytes()))
            except (OSError, ValidationError):
                shutil.rmtree(directory, ignore_errors=True)
        return found

    def create(self, request: JobRequest, status: JobStatus) -> None:
        """Store a new job; its status comes last, so that a job either exists whole or not at all."""
        directory = self.directory(request.job_id)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        self.save_request(request)
        (directory / EVENTS).touch()
        self.save(status)

    def save_request(self, request: JobRequest) -> None:
        """Store what to do; also for a repeated submission, whose signed URL is fresh."""
        directory = self.directory(request.job_id)
        if isinstance(request.data, InlineRows):
            write_rows(directory / ROWS, request.data.rows)
        stored = {
            "spec": request.spec.model_dump(mode="json"),
            "data": None if isinstance(request.data, InlineRows) else request.data.model_dump(mode="json"),
            "hash": content_hash(request),
        }
        write_atomically(directory / REQUEST, json.dumps(stored))

    def stored_hash(self, job_id: UUID) -> str:
        """Content hash of a stored job."""
        value: str = json.loads((self.directory(job_id) / REQUEST).read_bytes())["hash"]
        return value

    def save(self, status: JobStatus) -> None:
        """Store a job's state."""
        write_atomically(self.directory(status.job_id) / STATUS, status.model_dump_json())

    def append_event(self, job_id: UUID, event: JobEvent) -> None:
        """Add a progress line."""
        with (self.directory(job_id) / EVENTS).open("a") as file:
            file.write(event.model_dump_json() + "\n")

    def events(self, job_id: UUID) -> list[JobEvent]:
        """Every progress line; a line cut off by a kill is the last one and is left out."""
        path = self.directory(job_id) / EVENTS
        if not path.is_file():
            raise UnknownJob(f"There is no job {job_id}.", job_id=str(job_id))
        found: list[JobEvent] = []
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValidationError):
                found.append(JobEvent.model_validate_json(line))
        return found

    def repair_events(self, job_id: UUID) -> int:
        """Drop a half-written last line, so that numbering goes on without gaps; returns the number of events."""
        events = self.events(job_id)
        text = "".join(event.model_dump_json() + "\n" for event in events)
        write_atomically(self.directory(job_id) / EVENTS, text)
        return len(events)

    def delete(self, job_id: UUID) -> None:
        """Remove a job's files."""
        shutil.rmtree(self.directory(job_id), ignore_errors=True)


def write_rows(path: Path, rows: Iterable[TrainingRow]) -> None:
    """Write rows as JSONL."""
    with path.open("w") as file:
        for row in rows:
            file.write(row.model_dump_json() + "\n")
