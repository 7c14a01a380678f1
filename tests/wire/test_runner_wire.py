"""The wire format from both sides: what the platform sends is what the runner reads, and the other way round."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import ValidationError

from apps.compute import runner as client
from apps.compute.errors import RunnerBusy, RunnerRefused, RunnerUnavailable, UnknownJobError, UnknownModelError
from gpu_runner import errors as runner_errors
from gpu_runner.protocol import (
    PROTOCOL_VERSION,
    ErrorBody,
    ErrorCode,
    ErrorInfo,
    Health,
    JobEvents,
    JobRequest,
    JobState,
    JobStatus,
    ModelList,
)
from tests.gpu_runner import data
from tests.gpu_runner.runner_fixtures import RunnerProcess


def all_errors() -> list[type[runner_errors.RunnerError]]:
    return runner_errors.RunnerError.__subclasses__()


def test_every_runner_error_crosses_the_wire_and_keeps_its_meaning() -> None:
    from apps.compute.errors import from_runner

    for kind in all_errors():
        body = ErrorBody.model_validate_json(kind("A sentence.", detail=1).body().model_dump_json())
        assert body.error.code is kind.code
        domain = from_runner(body.error)
        assert domain.retryable is (kind.retryable or kind is runner_errors.Unauthorised), kind
        assert 400 <= kind.status < 600


def test_every_error_code_is_raised_by_someone() -> None:
    raised = {kind.code for kind in all_errors()} | {ErrorCode.INTERNAL, ErrorCode.WORKER_LOST}
    assert raised == set(ErrorCode)


def test_requests_survive_the_trip() -> None:
    for kind, spec in (("train_head", {}), ("train_lora", {"rank": 4})):
        request = JobRequest.model_validate(data.job(kind, **spec))
        assert JobRequest.model_validate_json(request.model_dump_json()) == request


@pytest.mark.parametrize(
    "change",
    [
        {"job_id": "not-a-uuid"},
        {"extra": 1},
        {"spec": {"kind": "train_magic"}},
        {"spec": {"kind": "train_lora", "rank": 0}},
        {"data": {"source": "url", "url": "file:///etc/passwd", "sha256": "0" * 64}},
        {"data": {"source": "inline", "rows": [{"text": "", "label": "a", "split": "train"}]}},
        {"data": {"source": "inline", "rows": [{"text": "a", "label": "a", "split": "maybe"}]}},
    ],
)
def test_what_is_not_agreed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        JobRequest.model_validate(data.job("train_head") | change)


def test_a_status_cannot_claim_success_without_a_result() -> None:
    base = {"job_id": str(uuid4()), "kind": "train_head", "created_at": 1.0}
    for state in (JobState.SUCCEEDED, JobState.FAILED):
        with pytest.raises(ValidationError):
            JobStatus.model_validate(base | {"state": state})


def test_the_runner_speaks_the_protocol_that_the_client_reads(runner: RunnerProcess) -> None:
    with runner.client() as http:
        health = Health.model_validate_json(http.get("/readyz").content)
        assert health.protocol == PROTOCOL_VERSION
        assert ModelList.model_validate_json(http.get("/v1/models").content).data
        request = JobRequest.model_validate(data.job("train_head", max_iterations=1))
        status = client.submit(request)
        assert JobStatus.model_validate_json(http.get(f"/v1/jobs/{request.job_id}").content).job_id == status.job_id
        assert isinstance(client.job_events(request.job_id, 0), JobEvents)
        client.cancel(request.job_id)


def test_unknown_things_have_their_own_errors(runner: RunnerProcess) -> None:
    with pytest.raises(UnknownJobError):
        client.job_status(uuid4())
    with pytest.raises(UnknownModelError):
        client._call("GET", "/v1/models/nobody", ModelList)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(500, text="<html>"), RunnerUnavailable),
        (httpx.Response(200, text="not json"), RunnerUnavailable),
        (httpx.Response(200, json={"object": "list"}), RunnerUnavailable),
        (httpx.Response(503, json={"error": {"code": "out_of_memory", "message": "m", "retryable": True}}), RunnerBusy),
        (httpx.Response(422, json={"error": {"code": "unsupported_model", "message": "m"}}), RunnerRefused),
        (httpx.Response(401, json={"error": {"code": "unauthorised", "message": "m"}}), RunnerUnavailable),
    ],
)
def test_whatever_answers_becomes_a_domain_error(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, expected: type[Exception]
) -> None:
    transport = httpx.MockTransport(lambda _request: answer)
    monkeypatch.setattr(client, "_client", lambda: httpx.Client(transport=transport, base_url="http://runner"))
    with pytest.raises(expected):
        client.list_models()


def test_error_info_is_what_openai_clients_expect() -> None:
    body = ErrorBody(error=ErrorInfo(code=ErrorCode.OVERLOADED, message="m", retryable=True)).model_dump(mode="json")
    assert {"code", "message", "type"} <= set(body["error"])
