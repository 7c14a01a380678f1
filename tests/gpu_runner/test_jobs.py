"""Training jobs on the real runner: success, bad data, cancel, kill -9."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.gpu_runner import data
from tests.gpu_runner.runner_fixtures import RunnerProcess

FINAL = {"succeeded", "failed", "cancelled"}


def wait(http: httpx.Client, job_id: str, until: Callable[[Any], bool] | None = None, timeout_s: float = 240) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        status = http.get(f"/v1/jobs/{job_id}").json()
        if status["state"] in FINAL or (until is not None and until(status)):
            return status
        time.sleep(0.1)
    raise AssertionError(f"the job did not get there: {status}")


def submit(http: httpx.Client, body: dict[str, Any]) -> str:
    response = http.post("/v1/jobs", json=body)
    assert response.status_code == 202, response.text
    return str(body["job_id"])


def events(http: httpx.Client, job_id: str) -> list[Any]:
    found: list[Any] = http.get(f"/v1/jobs/{job_id}/events").json()["events"]
    return found


def test_a_head_is_trained_registered_and_classifies(runner: RunnerProcess) -> None:
    with runner.client() as http:
        job_id = submit(http, data.job("train_head"))
        status = wait(http, job_id)
        assert status["state"] == "succeeded", status
        result = status["result"]
        assert result["classes"] == ["billing", "greeting"]
        assert result["accuracy_before"] == 0.5
        assert result["accuracy_after"] > 0.9
        lines = events(http, job_id)
        assert [line["n"] for line in lines] == list(range(len(lines)))
        assert lines[-1]["fraction"] > 0.9
        losses = [line["loss"] for line in lines if line.get("loss") is not None]
        assert losses[-1] < losses[0]

        name, artifact = f"head-{job_id}", status["artifacts"][0]
        content = http.get(f"/v1/jobs/{job_id}/artifacts/{artifact['name']}").content
        manifest = {
            "kind": "classifier",
            "base": result["base"],
            "classes": result["classes"],
            "artifacts": [artifact],
        }
        register(http, name, manifest, {artifact["name"]: content})
        body = {"model": name, "texts": ["Hello you, good morning", "the invoice must be paid"]}
        found = http.post("/v1/classify", json=body).json()["results"]
        assert [one["label"] for one in found] == ["greeting", "billing"]
        assert all(abs(sum(one["probabilities"].values()) - 1) < 1e-5 for one in found)


def test_an_adapter_is_trained_and_serves_chat_and_labels(runner: RunnerProcess) -> None:
    with runner.client() as http:
        spec = {"max_steps": 6, "batch_size": 4, "max_eval_rows": 8, "learning_rate": 0.002}
        first = wait(http, submit(http, data.job("train_lora", **spec)))
        assert first["state"] == "succeeded", first
        assert first["result"]["final_loss"] > 0
        assert first["usage"]["tokens"] > 100
        name = f"adapter-{first['job_id']}"
        files = {
            item["name"]: http.get(f"/v1/jobs/{first['job_id']}/artifacts/{item['name']}").content
            for item in first["artifacts"]
        }
        manifest = {
            "kind": "adapter",
            "base": first["result"]["base"],
            "classes": first["result"]["classes"],
            "artifacts": first["artifacts"],
        }
        register(http, name, manifest, files)
        found = http.post("/v1/classify", json={"model": name, "texts": ["pay the bill"]}).json()["results"][0]
        assert set(found["probabilities"]) == {"billing", "greeting"}
        body = {"model": name, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
        assert http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"]


def register(http: httpx.Client, name: str, manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    parts = [("files", (filename, content)) for filename, content in files.items()]
    response = http.put(f"/v1/models/{name}", data={"manifest": json.dumps(manifest)}, files=parts)
    assert response.status_code == 200, response.text


def test_the_same_id_is_the_same_job_and_other_content_a_conflict(runner: RunnerProcess) -> None:
    with runner.client() as http:
        body = data.job("train_head", max_iterations=2)
        job_id = submit(http, body)
        submit(http, body)
        wait(http, job_id)
        other = http.post("/v1/jobs", json=data.job("train_head", job_id=job_id, max_iterations=3))
        assert other.status_code == 409
        assert other.json()["error"]["code"] == "job_conflict"
        assert sum(job["job_id"] == job_id for job in http.get("/v1/jobs").json()["jobs"]) == 1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "There are no rows."),
        ([{"text": "a", "label": "x", "split": "train"}, {"text": "b", "label": "x", "split": "test"}], "two classes"),
        ([{"text": "a", "label": "x", "split": "train"}, {"text": "b", "label": "y", "split": "train"}], "held out"),
    ],
)
def test_untrainable_rows_fail_with_a_sentence(runner: RunnerProcess, rows: list[Any], expected: str) -> None:
    with runner.client() as http:
        status = wait(http, submit(http, data.job("train_head", data={"source": "inline", "rows": rows})))
        assert status["state"] == "failed"
        assert status["error"]["code"] == "invalid_training_data"
        assert status["error"]["retryable"] is False
        assert expected in status["error"]["message"]


def test_unreachable_data_fails_retryably(runner: RunnerProcess) -> None:
    with runner.client() as http:
        source = {"source": "url", "url": "http://127.0.0.1:9/rows.jsonl", "sha256": "0" * 64}
        status = wait(http, submit(http, data.job("train_head", data=source)))
        assert status["error"]["code"] == "data_unavailable"
        assert status["error"]["retryable"] is True


def test_data_is_fetched_from_its_url_and_checked(runner: RunnerProcess, tmp_path: Path) -> None:
    content = "".join(json.dumps(row) + "\n" for row in data.rows()).encode()
    (tmp_path / "rows.jsonl").write_bytes(content)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, runner.client() as client:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/rows.jsonl"
        wrong = data.job("train_head", data={"source": "url", "url": url, "sha256": "0" * 64})
        assert wait(client, submit(client, wrong))["error"]["code"] == "data_unavailable"
        right = {"source": "url", "url": url, "sha256": hashlib.sha256(content).hexdigest()}
        body = data.job("train_head", job_id=wrong["job_id"], data=right, max_iterations=1)
        assert client.post("/v1/jobs", json=body).status_code == 409
        body = data.job("train_head", data=right, max_iterations=1)
        assert wait(client, submit(client, body))["state"] == "succeeded"
        server.shutdown()


def test_a_running_job_is_cancelled_within_seconds(runner: RunnerProcess) -> None:
    with runner.client() as http:
        job_id = submit(http, data.job("train_lora", max_steps=500, epochs=20, batch_size=4))
        wait(http, job_id, lambda status: status["phase"] == "training")
        started = time.monotonic()
        assert http.post(f"/v1/jobs/{job_id}/cancel").json()["state"] == "cancelled"
        assert time.monotonic() - started < 30  # its 500 steps take minutes
        assert http.get(f"/v1/jobs/{job_id}").json()["state"] == "cancelled"
        assert http.post(f"/v1/jobs/{job_id}/cancel").json()["state"] == "cancelled"
        assert http.delete(f"/v1/jobs/{job_id}").status_code == 204
        assert http.get(f"/v1/jobs/{job_id}").status_code == 404


def test_a_killed_runner_finishes_its_job_with_the_same_loss(start_runner: Callable[..., RunnerProcess]) -> None:
    process = start_runner()
    spec = {"max_steps": 4, "batch_size": 4, "max_eval_rows": 2}
    job_id = str(uuid4())
    with process.client() as http:
        undisturbed = wait(http, submit(http, data.job("train_lora", **spec)))
        submit(http, data.job("train_lora", job_id=job_id, **spec))
        wait(http, job_id, lambda status: status["phase"] == "training" and status["fraction"] > 0.2)
    children = process_children(process)
    process.kill()
    process.start()
    with process.client() as http:
        status = wait(http, job_id)
        assert status["state"] == "succeeded", status
        assert status["attempt"] == 2
        assert abs(status["result"]["final_loss"] - undisturbed["result"]["final_loss"]) < 1e-6
        hashes = {item["sha256"] for item in undisturbed["artifacts"]}
        assert {item["sha256"] for item in status["artifacts"]} == hashes
        lines = events(http, job_id)
        assert [line["n"] for line in lines] == list(range(len(lines)))
        assert any("restarted" in line["message"] for line in lines)
        assert http.get(f"/v1/jobs/{undisturbed['job_id']}").json()["state"] == "succeeded"
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_a_job_that_always_kills_its_process_ends_after_its_attempts(
    start_runner: Callable[..., RunnerProcess], tmp_path: Path
) -> None:
    process = start_runner(RUNNER_JOB_ATTEMPTS="2")
    with process.client() as http:
        job_id = submit(http, data.job("train_lora", max_steps=200, epochs=20))
        for attempt in (1, 2):
            wait(http, job_id, lambda status, n=attempt: status["attempt"] == n and status["fraction"] > 0)  # type: ignore[misc]
            for pid in process_children(process):
                os.kill(pid, signal.SIGKILL)
        status = wait(http, job_id)
        assert status["state"] == "failed"
        assert status["error"]["code"] == "worker_lost"
        assert http.get("/healthz").is_success


def process_children(process: RunnerProcess) -> list[int]:
    assert process.process is not None
    path = Path(f"/proc/{process.process.pid}/task/{process.process.pid}/children")
    return [int(pid) for pid in path.read_text().split()]
