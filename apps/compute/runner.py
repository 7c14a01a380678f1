"""The typed HTTP client of the runner. No call of this module belongs inside a database transaction.

Chat goes through any OpenAI client at `runner_base_url()` with `runner_token()`; what follows is the rest.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx
from django.conf import settings
from pydantic import BaseModel, ValidationError

from apps.compute.errors import ArtifactCorrupted, RunnerUnavailable, UnknownModelError, from_runner
from apps.compute.types import BASE_EMBEDDING_MODEL, Classification, ModelRef, RunnerHealth
from apps.core.storage import get_storage
from apps.core.turns import away
from gpu_runner.protocol import (
    ArtifactInfo,
    ClassifyRequest,
    ClassifyResponse,
    EmbeddingRequest,
    EmbeddingResponse,
    ErrorBody,
    Health,
    JobEvents,
    JobRequest,
    JobStatus,
    ModelCard,
    ModelList,
    ModelManifest,
)

EMBED_BATCH = 64
CLASSIFY_BATCH = 64
DEFAULT_TIMEOUT_S = 120.0
HEALTH_TIMEOUT_S = 2.0
_CHUNK = 1 << 20

_M = TypeVar("_M", bound=BaseModel)
_client_lock = threading.Lock()
_clients: dict[tuple[str, str], httpx.Client] = {}


def runner_base_url() -> str:
    """Base URL for OpenAI clients, ending in `/v1`."""
    return f"{settings.RUNNER['url'].rstrip('/')}/v1"


def runner_token() -> str:
    """Bearer token (an OpenAI client's `api_key`) of the runner."""
    return str(settings.RUNNER["token"])


def embed(texts: Sequence[str], *, model: str = BASE_EMBEDDING_MODEL) -> list[list[float]]:
    """Vectors of unit length (384 numbers), in the order of the texts; long texts are cut at 256 tokens.

    Raises:
        RunnerUnavailable, RunnerBusy: retryable. RunnerRefused: an unknown kind of model.
    """
    vectors: list[list[float]] = []
    for start in range(0, len(texts), EMBED_BATCH):
        request = EmbeddingRequest(model=model, input=list(texts[start : start + EMBED_BATCH]))
        answer = _call("POST", "/v1/embeddings", EmbeddingResponse, json=request.model_dump())
        vectors += [item.embedding for item in answer.data if isinstance(item.embedding, list)]
    if len(vectors) != len(texts):
        raise RunnerUnavailable(f"{len(texts)} texts were sent and {len(vectors)} vectors came back")
    return vectors


def classify(model: ModelRef, texts: Sequence[str]) -> list[Classification]:
    """Label and probabilities of each text; registers the model with the runner where it is not known there.

    Raises:
        RunnerUnavailable, RunnerBusy: retryable. RunnerRefused: the model cannot classify.
    """
    results: list[Classification] = []
    for start in range(0, len(texts), CLASSIFY_BATCH):
        request = ClassifyRequest(model=model.name, texts=list(texts[start : start + CLASSIFY_BATCH]))
        try:
            answer = _call("POST", "/v1/classify", ClassifyResponse, json=request.model_dump())
        except UnknownModelError:
            register_model(model)
            answer = _call("POST", "/v1/classify", ClassifyResponse, json=request.model_dump())
        results += answer.results
    return results


def ensure_model(model: ModelRef) -> None:
    """Make sure that requests may name this model: call it before a chat with an adapter. Cheap when it is known."""
    try:
        _call("GET", f"/v1/models/{quote(model.name, safe='')}", ModelCard)
    except UnknownModelError:
        register_model(model)


def register_model(model: ModelRef) -> ModelCard:
    """Send a model's files from object storage to the runner, which checks hashes and format. Repeats are harmless."""
    if not model.artifacts:
        raise RunnerUnavailable(f"the runner lacks its bundled model {model.name}")
    infos = [ArtifactInfo(name=item.name, sha256=item.sha256, size=item.size) for item in model.artifacts]
    manifest = ModelManifest.model_validate(
        {"kind": model.kind, "base": model.base, "classes": list(model.classes), "artifacts": infos}
    )
    storage = get_storage()
    opened = [(artifact.name, storage.open(artifact.key)) for artifact in model.artifacts]
    try:
        files = [("files", (name, file, "application/octet-stream")) for name, file in opened]
        path = f"/v1/models/{quote(model.name, safe='')}"
        return _call("PUT", path, ModelCard, data={"manifest": manifest.model_dump_json()}, files=files)
    finally:
        for _, file in opened:
            file.close()


def list_models() -> list[ModelCard]:
    """Every model that the runner can be asked for."""
    return _call("GET", "/v1/models", ModelList).data


def submit(request: JobRequest) -> JobStatus:
    """Start a training job, or find it again: the id makes repeats harmless."""
    return _call("POST", "/v1/jobs", JobStatus, content=request.model_dump_json())


def job_status(job_id: UUID) -> JobStatus:
    """Where the job stands. Raises UnknownJobError where the runner has lost it."""
    return _call("GET", f"/v1/jobs/{job_id}", JobStatus)


def job_events(job_id: UUID, since: int) -> JobEvents:
    """Progress lines from number `since` on."""
    return _call("GET", f"/v1/jobs/{job_id}/events", JobEvents, params={"since": since})


def cancel(job_id: UUID) -> JobStatus:
    """Ask the runner to stop a job; it may take a few seconds until its state says so."""
    return _call("POST", f"/v1/jobs/{job_id}/cancel", JobStatus)


def forget(job_id: UUID) -> None:
    """Delete a finished job's files on the runner, once they are in object storage."""
    with _answers("DELETE", f"/v1/jobs/{job_id}") as response:
        response.read()


@contextmanager
def artifact_chunks(job_id: UUID, artifact: ArtifactInfo) -> Iterator[Iterator[bytes]]:
    """Stream one artifact of a finished job. Raises ArtifactCorrupted at its end where the hash does not match."""
    path = f"/v1/jobs/{job_id}/artifacts/{quote(artifact.name, safe='')}"
    with _answers("GET", path, stream=True) as response:
        yield _checked(response.iter_bytes(_CHUNK), artifact)


def runner_health() -> RunnerHealth:
    """Whether the runner can answer, and how fast it said so. Never raises."""
    started = time.monotonic()
    try:
        response = _client().get("/readyz", timeout=HEALTH_TIMEOUT_S)
        health = Health.model_validate_json(response.content)
    except (httpx.HTTPError, ValidationError, OSError) as error:
        elapsed = (time.monotonic() - started) * 1000
        return RunnerHealth(ready=False, status="unreachable", latency_ms=elapsed, detail=type(error).__name__)
    elapsed = (time.monotonic() - started) * 1000
    return RunnerHealth(health.ready, health.status, elapsed, health.detail, health.models)


def _client() -> httpx.Client:
    """One pooled client per address and token (the settings may change in tests)."""
    key = (settings.RUNNER["url"].rstrip("/"), runner_token())
    with _client_lock:
        client = _clients.get(key)
        if client is None:
            headers = {"Authorization": f"Bearer {key[1]}"}
            timeout = httpx.Timeout(DEFAULT_TIMEOUT_S, connect=3.0)
            # The runner's address is ours: a proxy of the environment must not come between.
            client = httpx.Client(base_url=key[0], headers=headers, timeout=timeout, trust_env=False)
            _clients[key] = client
        return client


@contextmanager
def _answers(method: str, path: str, *, stream: bool = False, **options: Any) -> Iterator[httpx.Response]:
    """A successful response; anything else becomes a domain error."""
    try:
        with away(), _client().stream(method, path, **options) as response:
            if response.is_error:
                response.read()
                raise _failure(response)
            if not stream:
                response.read()
            yield response
    except httpx.HTTPError as error:
        raise RunnerUnavailable(f"{type(error).__name__}: {error}") from error


def _call(method: str, path: str, answer: type[_M], **options: Any) -> _M:
    if "content" in options:
        options["headers"] = {"Content-Type": "application/json"}
    with _answers(method, path, **options) as response:
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            raise RunnerUnavailable(f"the answer to {method} {path} is not in the agreed format") from error


def _failure(response: httpx.Response) -> Exception:
    try:
        return from_runner(ErrorBody.model_validate_json(response.content).error)
    except ValidationError:
        return RunnerUnavailable(f"status {response.status_code} without an error body")


def _checked(chunks: Iterator[bytes], artifact: ArtifactInfo) -> Iterator[bytes]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        yield chunk
    if size != artifact.size or digest.hexdigest() != artifact.sha256:
        raise ArtifactCorrupted(artifact.name)
