"""Jobs between the platform and a real runner."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from apps.compute import runner as client
from apps.compute import selectors, services
from apps.compute.errors import JobFinished, RunnerUnavailable
from apps.compute.models import Job
from apps.compute.types import JobInfo, JobKind, JobSource, JobState, ModelKind, ModelRef
from apps.core import outbox
from apps.core.errors import NotFound, NotPermitted
from apps.core.models import OutboxEvent
from apps.core.storage import StoredObject, get_storage
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Role
from tests.gpu_runner import data
from tests.gpu_runner.runner_fixtures import RunnerProcess

pytestmark = pytest.mark.django_db


@pytest.fixture
def at_runner(settings: Any, start_runner: Callable[..., RunnerProcess]) -> Callable[..., RunnerProcess]:
    """A runner of the test's own that the platform talks to."""

    def start(**environment: str) -> RunnerProcess:
        process = start_runner(**environment)
        settings.RUNNER = {"url": process.url, "token": process.token}
        return process

    return start


def stored_rows(actor: Any, rows: list[dict[str, str]] | None = None) -> StoredObject:
    content = "\n".join(json.dumps(row) for row in (data.rows() if rows is None else rows)).encode()
    return get_storage().put(f"{actor.organisation_id}/test/{uuid4()}.jsonl", content)


def submit(actor: Any, kind: JobKind = JobKind.TRAIN_HEAD, rows: Any = None, **spec: Any) -> JobInfo:
    source = JobSource("test.run", str(uuid4()))
    return services.submit_job(actor=actor, kind=kind, spec=spec, rows=stored_rows(actor, rows), source=source)


def poll_until(job_id: UUID, *states: JobState, timeout_s: float = 120) -> JobInfo:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        services.poll_jobs()
        job = selectors.job(job_id)
        if job.state in states:
            return job
        time.sleep(0.2)
    raise AssertionError(f"{job.state} {job.phase} {job.error_message}")


def published(job_id: UUID) -> list[str]:
    rows = OutboxEvent.objects.filter(payload__job_id=str(job_id)).order_by("id")
    return [row.type for row in rows]


@pytest.fixture
def shared(runner: RunnerProcess) -> Iterator[RunnerProcess]:
    yield runner


def test_a_job_is_given_followed_and_fetched(actor: Any, shared: RunnerProcess) -> None:
    job = submit(actor)
    assert job.state is JobState.WAITING
    outbox.drain()
    assert selectors.job(job.id).state in {JobState.QUEUED, JobState.RUNNING}
    done = poll_until(job.id, JobState.SUCCEEDED)
    assert done.result is not None
    assert done.result.accuracy_after > done.result.accuracy_before
    assert done.tokens > 0
    assert done.cpu_seconds > 0
    assert [event.n for event in done.events] == list(range(len(done.events)))
    artifact = done.artifacts[0]
    assert artifact.key.startswith(str(actor.organisation_id))
    assert get_storage().exists(artifact.key)
    assert published(job.id) == ["compute.JobSubmitted", "compute.JobSucceeded"]
    reference = ModelRef(
        f"test-{job.id}", ModelKind.CLASSIFIER, done.result.base, tuple(done.result.classes), done.artifacts
    )
    found = client.classify(reference, ["Hello you, good morning", "the invoice must be paid"])
    assert [one.label for one in found] == ["greeting", "billing"]
    client.ensure_model(reference)


def test_one_source_has_one_job(actor: Any) -> None:
    source, rows = JobSource("test.run", "same"), stored_rows(actor)
    first, again = (
        services.submit_job(actor=actor, kind=JobKind.TRAIN_HEAD, spec={}, rows=rows, source=source) for _ in range(2)
    )
    assert first.id == again.id


def test_a_failure_reaches_the_user_in_words(actor: Any, shared: RunnerProcess) -> None:
    job = submit(actor, rows=[row | {"label": "same"} for row in data.rows()])
    failed = poll_until(job.id, JobState.FAILED)
    assert failed.error_code == "invalid_training_data"
    assert "two classes" in failed.error_message
    assert published(job.id)[-1] == "compute.JobFailed"


def test_a_waiting_job_outlives_a_runner_that_is_down(
    actor: Any, settings: Any, at_runner: Callable[..., RunnerProcess]
) -> None:
    settings.RUNNER = {"url": "http://127.0.0.1:9", "token": "nobody-is-here-at-all"}
    job = submit(actor)
    outbox.drain()
    services.poll_jobs()
    assert selectors.job(job.id).state is JobState.WAITING
    at_runner()
    assert poll_until(job.id, JobState.SUCCEEDED).result is not None


def test_a_killed_runner_takes_its_job_up_again(actor: Any, at_runner: Callable[..., RunnerProcess]) -> None:
    process = at_runner()
    job = submit(actor, JobKind.TRAIN_LORA, max_steps=6, max_eval_rows=4)
    poll_until(job.id, JobState.RUNNING)
    process.kill()
    services.poll_jobs()
    assert selectors.job(job.id).state is JobState.RUNNING
    process.start()
    done = poll_until(job.id, JobState.SUCCEEDED)
    assert done.attempt == 2
    assert Job.objects.get(id=job.id).submissions == 1


def test_a_runner_that_lost_its_data_gets_the_job_again(actor: Any, at_runner: Callable[..., RunnerProcess]) -> None:
    at_runner()
    job = submit(actor, JobKind.TRAIN_LORA, max_steps=50, epochs=20)
    poll_until(job.id, JobState.RUNNING)
    at_runner()  # another machine, with nothing on it
    deadline = time.monotonic() + 60
    while Job.objects.get(id=job.id).submissions < 2 and time.monotonic() < deadline:
        services.poll_jobs()
    assert Job.objects.get(id=job.id).submissions == 2
    services.cancel_job(actor=actor, job_id=job.id)
    poll_until(job.id, JobState.CANCELLED)


def test_a_running_job_is_cancelled(actor: Any, shared: RunnerProcess) -> None:
    job = submit(actor, JobKind.TRAIN_LORA, max_steps=500, epochs=20)
    poll_until(job.id, JobState.RUNNING)
    services.cancel_job(actor=actor, job_id=job.id)
    services.cancel_job(actor=actor, job_id=job.id)
    assert poll_until(job.id, JobState.CANCELLED).finished_at is not None
    assert published(job.id)[-1] == "compute.JobCancelled"
    services.poll_jobs()
    assert published(job.id).count("compute.JobCancelled") == 1


def test_a_job_that_no_runner_has_is_cancelled_at_once(actor: Any) -> None:
    job = submit(actor)
    assert services.cancel_job(actor=actor, job_id=job.id).state is JobState.CANCELLED


def test_a_finished_job_cannot_be_cancelled(actor: Any) -> None:
    job = submit(actor)
    Job.objects.filter(id=job.id).update(state=JobState.FAILED)
    with pytest.raises(JobFinished):
        services.cancel_job(actor=actor, job_id=job.id)


def test_jobs_of_others_are_not_there(actor: Any, other_actor: Any, make_actor: Any) -> None:
    job = submit(actor)
    with tenant_scope(other_actor.organisation_id), pytest.raises(NotFound):
        selectors.job(job.id)
    with tenant_scope(other_actor.organisation_id), pytest.raises(NotFound):
        services.cancel_job(actor=other_actor, job_id=job.id)
    viewer = make_actor(role=Role.VIEWER, organisation_id=actor.organisation_id)
    with pytest.raises(NotPermitted):
        services.cancel_job(actor=viewer, job_id=job.id)


def test_files_changed_on_the_way_are_not_accepted(actor: Any, shared: RunnerProcess, tmp_path: Path) -> None:
    job = submit(actor)
    done = poll_until(job.id, JobState.SUCCEEDED)
    get_storage().put(done.artifacts[0].key, b"tampered")
    assert done.result is not None
    reference = ModelRef(
        f"tampered-{job.id}", ModelKind.CLASSIFIER, done.result.base, tuple(done.result.classes), done.artifacts
    )
    with pytest.raises(Exception, match="SHA-256"):
        client.classify(reference, ["a"])


def test_embedding_without_a_runner_says_so(settings: Any) -> None:
    settings.RUNNER = {"url": "http://127.0.0.1:9", "token": "nobody-is-here-at-all"}
    with pytest.raises(RunnerUnavailable):
        client.embed(["a"])
    health = client.runner_health()
    assert (health.ready, health.status) == (False, "unreachable")


def test_embedding_keeps_the_order_over_batches(shared: RunnerProcess) -> None:
    texts = [f"text number {number}" for number in range(70)]
    vectors = client.embed(texts)
    assert len(vectors) == 70
    alone = client.embed([texts[66]])[0]
    assert max(abs(a - b) for a, b in zip(alone, vectors[66], strict=True)) < 1e-5
    assert client.embed([]) == []
