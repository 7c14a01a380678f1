"""Runs jobs in child processes, one queue, and takes up after a kill where the files say it was."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from pathlib import Path
from uuid import UUID

from gpu_runner.config import RunnerSettings
from gpu_runner.errors import JobConflict, UnknownJob
from gpu_runner.jobs.child import Child, ChildMessage, ErrorMessage, ProgressMessage, ResultMessage
from gpu_runner.jobs.store import JobStore, content_hash
from gpu_runner.protocol import (
    ErrorCode,
    ErrorInfo,
    JobEvent,
    JobEvents,
    JobMetrics,
    JobRequest,
    JobState,
    JobStatus,
    JobUsage,
)

logger = logging.getLogger(__name__)

MAX_EVENTS_AN_ANSWER = 500


class JobSupervisor:
    """All methods run on the event loop; the files are written before a caller hears of a state."""

    def __init__(self, settings: RunnerSettings) -> None:
        self._settings = settings
        self._store = JobStore(settings.data_dir)
        self._jobs: dict[UUID, JobStatus] = {}
        self._queue: asyncio.Queue[UUID] = asyncio.Queue()
        self._children: dict[UUID, Child] = {}
        self._cancelled: set[UUID] = set()
        self._workers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        """Load stored jobs, queue the unfinished ones again, start the workers."""
        for status in sorted(self._store.load_all(), key=lambda status: status.created_at):
            self._jobs[status.job_id] = status
            if not status.state.final:
                self._recover(status)
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._settings.job_slots)]

    async def stop(self) -> None:
        """End the children; their jobs are queued again at the next start."""
        self._stopping = True
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(
            *self._workers, *(child.end() for child in self._children.values()), return_exceptions=True
        )

    # --- what the routes call ---

    async def submit(self, request: JobRequest) -> JobStatus:
        """Queue a job. The same id and content is the same job; a job that failed retryably is queued again.

        Raises:
            JobConflict: the id is taken by other work.
        """
        existing = self._jobs.get(request.job_id)
        if existing is None:
            status = JobStatus(
                job_id=request.job_id, kind=request.spec.kind, state=JobState.QUEUED, created_at=time.time()
            )
            await asyncio.to_thread(self._store.create, request, status)
            self._jobs[request.job_id] = status
            self._queue.put_nowait(request.job_id)
            return status
        if self._store.stored_hash(request.job_id) != content_hash(request):
            raise JobConflict(f"The id {request.job_id} was used for another job.", job_id=str(request.job_id))
        if existing.state is JobState.FAILED and existing.error is not None and existing.error.retryable:
            await asyncio.to_thread(self._store.save_request, request)
            self._update(request.job_id, state=JobState.QUEUED, error=None, finished_at=None, lost_processes=0)
            self._queue.put_nowait(request.job_id)
        return self._jobs[request.job_id]

    def all(self) -> list[JobStatus]:
        """Every job, newest first."""
        return sorted(self._jobs.values(), key=lambda status: status.created_at, reverse=True)

    def status(self, job_id: UUID) -> JobStatus:
        """One job. Raises UnknownJob."""
        if (status := self._jobs.get(job_id)) is None:
            raise UnknownJob(f"There is no job {job_id}.", job_id=str(job_id))
        return status

    def events(self, job_id: UUID, since: int) -> JobEvents:
        """Progress lines from number `since` on, at most 500."""
        self.status(job_id)
        events = self._store.events(job_id)[since : since + MAX_EVENTS_AN_ANSWER]
        return JobEvents(events=events, next=since + len(events))

    async def cancel(self, job_id: UUID) -> JobStatus:
        """Stop a job now; final states stay."""
        status = self.status(job_id)
        if status.state.final:
            return status
        self._cancelled.add(job_id)
        child = self._children.get(job_id)
        if child is not None:
            await child.end()
        if not self._jobs[job_id].state.final:
            self._update(job_id, state=JobState.CANCELLED, finished_at=time.time(), seconds_left=None)
        return self._jobs[job_id]

    def artifact(self, job_id: UUID, name: str) -> Path:
        """Path of a finished job's file. Raises UnknownJob."""
        status = self.status(job_id)
        if name not in {artifact.name for artifact in status.artifacts}:
            raise UnknownJob(f"Job {job_id} has no file {name[:100]!r}.", job_id=str(job_id))
        return self._attempt_directory(status) / name

    async def forget(self, job_id: UUID) -> None:
        """Delete a finished job. Raises UnknownJob, JobConflict."""
        if not self.status(job_id).state.final:
            raise JobConflict(f"Job {job_id} has not ended.", job_id=str(job_id))
        del self._jobs[job_id]
        await asyncio.to_thread(self._store.delete, job_id)

    # --- running ---

    def _recover(self, status: JobStatus) -> None:
        events = self._store.repair_events(status.job_id)
        self._update(status.job_id, events=events, state=JobState.QUEUED, fraction=0.0, seconds_left=None)
        if status.state is JobState.RUNNING:
            self._say(status.job_id, "queued", "The model server was restarted; the job starts again.")
        # A restart of the service is not the job's fault: only processes lost under a living runner are counted.
        self._queue.put_nowait(status.job_id)

    async def _work(self) -> None:
        while True:
            job_id = await self._queue.get()
            status = self._jobs.get(job_id)
            if status is None or status.state is not JobState.QUEUED:
                continue
            try:
                await self._run(status)
            except Exception as error:  # a broken job must not take its worker with it
                logger.exception("job %s failed", job_id)
                self._fail(job_id, ErrorInfo(code=ErrorCode.INTERNAL, message=f"The job failed: {error}"))

    async def _run(self, status: JobStatus) -> None:
        job_id, attempt = status.job_id, status.attempt + 1
        self._update(
            job_id,
            state=JobState.RUNNING,
            attempt=attempt,
            phase="starting",
            fraction=0.0,
            started_at=status.started_at or time.time(),
        )
        started, before = time.monotonic(), status.usage
        child = await Child.start(self._store.directory(job_id), attempt, self._settings)
        self._children[job_id] = child
        last: ChildMessage | None = None
        try:
            async for message in child.messages():
                last = message
                self._receive(job_id, message, before, time.monotonic() - started)
            code = await child.wait()
        finally:
            del self._children[job_id]
            with contextlib.suppress(ProcessLookupError):
                await child.end()
        if not self._stopping:
            self._finish(job_id, last, code)

    def _receive(self, job_id: UUID, message: ChildMessage, before: JobUsage, wall_s: float) -> None:
        tokens = message.tokens if isinstance(message, ProgressMessage) else self._jobs[job_id].usage.tokens
        usage = JobUsage(
            wall_seconds=before.wall_seconds + wall_s,
            cpu_seconds=before.cpu_seconds + message.cpu_seconds,
            tokens=max(tokens, self._jobs[job_id].usage.tokens),
        )
        if isinstance(message, ProgressMessage) and job_id not in self._cancelled:
            self._append(job_id, message.metrics, usage)
        else:
            self._update(job_id, usage=usage)

    def _finish(self, job_id: UUID, last: ChildMessage | None, code: int) -> None:
        if self._jobs[job_id].state.final:
            return
        if job_id in self._cancelled:
            self._update(job_id, state=JobState.CANCELLED, finished_at=time.time(), seconds_left=None)
        elif isinstance(last, ResultMessage) and code == 0:
            self._update(
                job_id,
                state=JobState.SUCCEEDED,
                phase="done",
                fraction=1.0,
                seconds_left=0.0,
                result=last.result,
                artifacts=last.artifacts,
                finished_at=time.time(),
            )
        elif isinstance(last, ErrorMessage):
            self._fail(job_id, last.error)
        else:
            self._lost_child(job_id, code)

    def _lost_child(self, job_id: UUID, code: int) -> None:
        lost = self._jobs[job_id].lost_processes + 1
        logger.warning("job %s lost its process (exit status %s), %s so far", job_id, code, lost)
        self._update(job_id, lost_processes=lost)
        if lost >= self._settings.job_attempts:
            self._fail(job_id, _lost(lost))
            return
        self._update(job_id, state=JobState.QUEUED, fraction=0.0, seconds_left=None)
        self._say(job_id, "queued", "The training process was lost; the job starts again.")
        self._queue.put_nowait(job_id)

    def _fail(self, job_id: UUID, error: ErrorInfo) -> None:
        self._update(job_id, state=JobState.FAILED, error=error, finished_at=time.time(), seconds_left=None)

    def _say(self, job_id: UUID, phase: str, message: str) -> None:
        self._append(job_id, JobMetrics(phase=phase, fraction=0.0, message=message), self._jobs[job_id].usage)

    def _append(self, job_id: UUID, metrics: JobMetrics, usage: JobUsage) -> None:
        status = self._jobs[job_id]
        event = JobEvent(n=status.events, at=time.time(), attempt=status.attempt, **metrics.model_dump())
        self._store.append_event(job_id, event)
        self._update(
            job_id,
            events=status.events + 1,
            phase=metrics.phase,
            fraction=metrics.fraction,
            seconds_left=metrics.seconds_left,
            usage=usage,
        )

    def _update(self, job_id: UUID, **changes: object) -> None:
        status = JobStatus.model_validate(self._jobs[job_id].model_dump() | changes)
        self._store.save(status)
        self._jobs[job_id] = status

    def _attempt_directory(self, status: JobStatus) -> Path:
        return self._store.directory(status.job_id) / f"attempt-{status.attempt}"


def _lost(attempts: int) -> ErrorInfo:
    return ErrorInfo(
        code=ErrorCode.WORKER_LOST,
        message=f"The training process was lost {attempts} times, most likely for lack of memory.",
        retryable=True,
    )
