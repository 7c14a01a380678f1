"""The service around the engines: tokens, bad input, hostile files, limits, readiness."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import resource
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from gpu_runner.artifacts import check_safetensors
from gpu_runner.errors import UnsafeArtifact
from tests.gpu_runner.runner_fixtures import ROOT, RunnerProcess


class Exploit:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


def safetensors(header: dict[str, Any] | bytes, body: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + body


def head(classes: int = 2) -> bytes:
    weight, bias = classes * 384 * 4, classes * 4
    header = {
        "weight": {"dtype": "F32", "shape": [classes, 384], "data_offsets": [0, weight]},
        "bias": {"dtype": "F32", "shape": [classes], "data_offsets": [weight, weight + bias]},
    }
    return safetensors(header, bytes(weight + bias))


def hostile(tmp_path: Path) -> dict[str, bytes]:
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    mark = tmp_path / "executed"
    return {
        "pickle": pickle.dumps(Exploit(mark)),
        "pickle behind tensors": safetensors({"a": tensor}, bytes(4)) + pickle.dumps(Exploit(mark)),
        "huge header length": struct.pack("<Q", 1 << 60) + b"{}",
        "header over the bound": safetensors(b"{" + b" " * (2 << 20) + b"}"),
        "100,000 tensors": safetensors({f"t{n}": tensor for n in range(100_000)}, bytes(4)),
        "overlapping tensors": safetensors({"a": tensor, "b": tensor}, bytes(4)),
        "wrong size": safetensors({"a": {**tensor, "shape": [7]}}, bytes(4)),
        "negative shape": safetensors({"a": {**tensor, "shape": [-1, -1]}}, bytes(4)),
        "deep json": safetensors(b"{" + b'"a":[' * 5000 + b"]" * 5000 + b"}"),
        "text": b"not a model",
        "empty header": b"",
    }


def put(http: httpx.Client, name: str, content: bytes, classes: list[str], sha256: str | None = None) -> httpx.Response:
    digest = sha256 or hashlib.sha256(content).hexdigest()
    artifact = {"name": "head.safetensors", "sha256": digest, "size": max(len(content), 1)}
    manifest = {"kind": "classifier", "base": "all-minilm-l6-v2", "classes": classes, "artifacts": [artifact]}
    return http.put(
        f"/v1/models/{name}",
        data={"manifest": json.dumps(manifest)},
        files=[("files", ("head.safetensors", content))],
    )


def test_hostile_files_are_refused_fast_and_never_executed(runner: RunnerProcess, tmp_path: Path) -> None:
    with runner.client() as http:
        for name, content in hostile(tmp_path).items():
            started = time.monotonic()
            response = put(http, "hostile", content, ["a", "b"])
            assert response.status_code == 422, name
            assert response.json()["error"]["code"] in {"unsafe_artifact", "hash_mismatch"}, name
            assert time.monotonic() - started < 20, name
        assert not (tmp_path / "executed").exists()
        assert http.get("/v1/models/hostile").status_code == 404


def test_the_header_check_alone_refuses_each_of_them(tmp_path: Path) -> None:
    for content in hostile(tmp_path).values():
        path = tmp_path / "file.safetensors"
        path.write_bytes(content)
        with pytest.raises(UnsafeArtifact, match=r"file\.safetensors"):
            check_safetensors(path)


def test_other_bytes_than_announced_are_refused(runner: RunnerProcess) -> None:
    with runner.client() as http:
        response = put(http, "tampered", head(), ["a", "b"], sha256="0" * 64)
        assert response.json()["error"]["code"] == "hash_mismatch"


def test_a_name_keeps_its_files(runner: RunnerProcess) -> None:
    with runner.client() as http:
        assert put(http, "kept", head(2), ["a", "b"]).status_code == 200
        assert put(http, "kept", head(2), ["a", "b"]).status_code == 200
        assert put(http, "kept", head(3), ["a", "b", "c"]).json()["error"]["code"] == "model_conflict"
        assert put(http, "all-minilm-l6-v2", head(2), ["a", "b"]).json()["error"]["code"] == "model_conflict"
        assert put(http, "shape", head(3), ["a", "b"]).json()["error"]["code"] == "unsupported_model"
        assert put(http, "..%2Fescape", head(2), ["a", "b"]).status_code in {404, 422}


def foreign_adapter() -> dict[str, bytes]:
    """A LoRA adapter whose tensors have the shapes of another base model."""
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
    header = {
        f"{name}A.weight": {"dtype": "F32", "shape": [8, 64], "data_offsets": [0, 2048]},
        f"{name}B.weight": {"dtype": "F32", "shape": [64, 8], "data_offsets": [2048, 4096]},
    }
    config = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "bias": "none"}
    return {
        "adapter_model.safetensors": safetensors(header, bytes(4096)),
        "adapter_config.json": json.dumps(config).encode(),
    }


def put_adapter(http: httpx.Client, name: str, files: dict[str, bytes]) -> httpx.Response:
    artifacts = [
        {"name": filename, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for filename, content in files.items()
    ]
    manifest = {"kind": "adapter", "base": "smollm2-135m-instruct", "classes": ["a", "b"], "artifacts": artifacts}
    parts = [("files", (filename, content)) for filename, content in files.items()]
    return http.put(f"/v1/models/{name}", data={"manifest": json.dumps(manifest)}, files=parts)


def test_an_adapter_for_another_base_is_refused_and_leaves_the_base_as_it_was(runner: RunnerProcess) -> None:
    ask = {"model": "smollm2-135m-instruct-fp32", "max_tokens": 6, "temperature": 0}
    ask["messages"] = [{"role": "user", "content": "What is the capital of France?"}]
    with runner.client() as http:
        before = http.post("/v1/chat/completions", json=ask).json()["choices"][0]["message"]["content"]
        assert put_adapter(http, "foreign", foreign_adapter()).status_code == 200
        for _ in range(2):
            error = http.post("/v1/classify", json={"model": "foreign", "texts": ["a"]}).json()["error"]
            assert (error["code"], error["retryable"]) == ("unsupported_model", False)
        assert http.post("/v1/chat/completions", json=ask).json()["choices"][0]["message"]["content"] == before


@pytest.mark.parametrize(
    "change", [{"peft_type": "IA3"}, {"r": 9999}, {"target_modules": ["embed_tokens"]}, {"auto_mapping": {"x": "y"}}]
)
def test_an_adapter_with_another_method_or_own_code_is_refused(runner: RunnerProcess, change: dict[str, Any]) -> None:
    files = foreign_adapter()
    config = json.loads(files["adapter_config.json"]) | change
    with runner.client() as http:
        response = put_adapter(http, "odd", files | {"adapter_config.json": json.dumps(config).encode()})
        assert response.status_code == 422
        assert response.json()["error"]["code"] == "unsupported_model"


def test_every_route_but_health_needs_the_token(runner: RunnerProcess) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": runner.token}):
        with httpx.Client(base_url=runner.url, headers=headers, trust_env=False) as http:
            assert http.get("/healthz").status_code == 200
            assert http.get("/readyz").status_code in {200, 503}
            for method, path in [("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("GET", "/v1/jobs")]:
                response = http.request(method, path, json={})
                assert response.status_code == 401
                assert response.json()["error"]["code"] == "unauthorised"


def test_bad_input_has_one_shape_and_names_the_field(runner: RunnerProcess) -> None:
    with runner.client() as http:
        for body in ({}, {"model": "x", "messages": []}, {"model": "x", "messages": [{"role": "alien"}]}):
            response = http.post("/v1/chat/completions", json=body)
            assert response.status_code == 422
            error = response.json()["error"]
            assert error["code"] == "invalid_request"
            assert error["context"]["errors"][0]["field"]
        assert http.post("/v1/embeddings", content=b"{").status_code == 422
        assert http.post("/v1/embeddings", json={"input": []}).status_code == 422
        assert http.get("/v1/nothing").json()["error"]["code"] == "invalid_request"
        missing = http.post("/v1/classify", json={"model": "nobody", "texts": ["a"]})
        assert missing.status_code == 404
        assert missing.json()["error"]["code"] == "unknown_model"


def test_a_body_over_the_limit_is_refused(start_runner: Callable[..., RunnerProcess]) -> None:
    process = start_runner(RUNNER_MAX_BODY_MB="1")
    with process.client() as http:
        response = http.post("/v1/embeddings", json={"input": "x" * (2 << 20)})
        assert response.status_code == 413
        assert response.json()["error"]["code"] == "too_large"
        assert http.get("/healthz").is_success


def test_it_is_not_ready_without_models(start_runner: Callable[..., RunnerProcess], tmp_path: Path) -> None:
    process = start_runner(RUNNER_MODELS_DIR=str(tmp_path / "none"), RUNNER_PRELOAD="true")
    with process.client() as http:
        response = http.get("/readyz")
        assert response.status_code == 503
        assert response.json()["status"] == "models_missing"
        error = http.post("/v1/embeddings", json={"input": "a"}).json()["error"]
        assert (error["code"], error["retryable"]) == ("not_ready", True)


def test_it_becomes_ready_by_itself(start_runner: Callable[..., RunnerProcess]) -> None:
    process = start_runner(RUNNER_PRELOAD="true")
    with process.client() as http:
        deadline = time.monotonic() + 180
        while (response := http.get("/readyz")).status_code != 200 and time.monotonic() < deadline:
            assert response.json()["status"] == "loading"
            time.sleep(0.2)
        assert response.json()["ready"] is True


def test_too_many_requests_are_told_to_come_back(start_runner: Callable[..., RunnerProcess]) -> None:
    process = start_runner(RUNNER_MAX_WAITING="1")
    texts = [f"{number} " + "long text " * 150 for number in range(2000)]

    def occupy() -> None:
        with contextlib.suppress(httpx.HTTPError), process.client() as busy:
            while busy.post("/v1/embeddings", json={"input": texts}).is_error:
                time.sleep(0.05)  # the small request had the only place

    threading.Thread(target=occupy, daemon=True).start()
    answers: list[Any] = []
    with process.client() as http:
        deadline = time.monotonic() + 180
        while not (answers and "error" in answers[-1]) and time.monotonic() < deadline:
            answers.append(http.post("/v1/embeddings", json={"input": "a"}).json())
            time.sleep(0.2)
        assert http.get("/healthz").is_success
    error = answers[-1]["error"]
    assert (error["code"], error["retryable"]) == ("overloaded", True)


def test_a_deadline_ends_an_answer(start_runner: Callable[..., RunnerProcess]) -> None:
    process = start_runner(RUNNER_REQUEST_TIMEOUT_S="3")
    with process.client() as http:
        body = {"model": "smollm2-135m-instruct", "messages": [{"role": "user", "content": "Count to 9000"}]}
        response = http.post("/v1/chat/completions", json={**body, "max_tokens": 4000, "temperature": 2})
        if response.status_code != 200:  # the model may end its answer by itself
            assert response.json()["error"]["code"] == "deadline_exceeded"
        assert http.get("/healthz").is_success


def test_a_bad_environment_is_named() -> None:
    environment = {"PATH": "/usr/bin", "RUNNER_TOKEN": "short", "RUNNER_THREADS": "none"}
    found = subprocess.run(
        [sys.executable, "-m", "gpu_runner"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 2
    assert "RUNNER_TOKEN" in found.stderr
    assert "RUNNER_THREADS" in found.stderr


def cpu_of_children_s() -> float:
    """The processor time of all children that have ended; by the clock a busy machine is slow."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_preparation_is_a_fast_no_op_the_second_time(prepared_models: Path) -> None:
    started = cpu_of_children_s()
    command = [sys.executable, "-m", "gpu_runner.prepare", "--models-dir", str(prepared_models)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0
    assert "ready" in found.stdout
    assert cpu_of_children_s() - started < 10
    assert not list(prepared_models.glob(".*.tmp"))


def test_the_protocol_is_light() -> None:
    code = "import sys, gpu_runner.protocol; print([m for m in ('torch','fastapi','transformers') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.stdout.strip() == "[]"
