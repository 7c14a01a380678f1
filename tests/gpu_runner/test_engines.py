"""One behaviour matrix over the engines, on the real bundled models."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from gpu_runner.protocol import BASE_CHAT_MODEL, BASE_EMBEDDING_MODEL
from tests.gpu_runner.runner_fixtures import RunnerProcess

EXACT = f"{BASE_CHAT_MODEL}-fp32"
CHAT_MODELS = [BASE_CHAT_MODEL, EXACT]
ASK = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def http(runner: RunnerProcess) -> Iterator[httpx.Client]:
    with runner.client() as client:
        yield client


def chat(http: httpx.Client, model: str, **options: Any) -> Any:
    body = {"model": model, "messages": ASK, "max_tokens": 12, "temperature": 0, **options}
    return http.post("/v1/chat/completions", json=body)


def answer(http: httpx.Client, model: str, **options: Any) -> str:
    response = chat(http, model, **options)
    assert response.status_code == 200, response.text
    text: str = response.json()["choices"][0]["message"]["content"]
    return text


@pytest.mark.parametrize("model", CHAT_MODELS)
class TestChat:
    def test_answers_and_counts_tokens(self, http: httpx.Client, model: str) -> None:
        body = chat(http, model).json()
        assert "Paris" in body["choices"][0]["message"]["content"]
        usage = body["usage"]
        assert usage["prompt_tokens"] == 37
        assert 1 <= usage["completion_tokens"] <= 12
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]

    def test_stream_adds_up_to_the_whole_answer(self, runner: RunnerProcess, http: httpx.Client, model: str) -> None:
        client = openai.OpenAI(base_url=f"{runner.url}/v1", api_key=runner.token)
        chunks = list(
            client.chat.completions.create(  # type: ignore[call-overload]  # ASK is a plain list of dictionaries
                model=model,
                messages=ASK,
                max_tokens=12,
                temperature=0,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        whole = chat(http, model).json()["choices"][0]
        assert text == whole["message"]["content"]
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == whole["finish_reason"]
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.prompt_tokens == 37

    def test_the_same_seed_repeats_the_answer(self, http: httpx.Client, model: str) -> None:
        first, again, other = (
            answer(http, model, temperature=1.0, seed=seed, max_tokens=16, messages=[{"role": "user", "content": "A"}])
            for seed in (5, 5, 6)
        )
        assert first == again
        assert first != other

    def test_a_seed_repeats_whatever_prefix_earlier_requests_left(self, http: httpx.Client, model: str) -> None:
        asked = [{"role": "user", "content": "The parcel came late and the box was torn. " * 12 + "What now?"}]
        wanted: dict[str, Any] = {"temperature": 0.9, "max_tokens": 12, "messages": asked}
        for seed in range(6):
            first = answer(http, model, seed=seed, **wanted)
            answer(http, model, **wanted)
            assert answer(http, model, seed=seed, **wanted) == first

    def test_stop_strings_end_the_answer_and_are_not_shown(self, http: httpx.Client, model: str) -> None:
        response = chat(http, model, stop=["Paris"], max_tokens=30).json()
        assert "Paris" not in response["choices"][0]["message"]["content"]
        assert response["choices"][0]["finish_reason"] == "stop"

    def test_an_overlong_prompt_is_refused_with_the_lengths(self, http: httpx.Client, model: str) -> None:
        response = chat(http, model, messages=[{"role": "user", "content": "word " * 9000}], stream=True)
        error = response.json()["error"]
        assert response.status_code == 422
        assert error["code"] == "context_overflow"
        assert error["retryable"] is False
        assert error["context"]["prompt_tokens"] > error["context"]["limit"]

    def test_a_caller_who_leaves_frees_the_engine(self, http: httpx.Client, runner: RunnerProcess, model: str) -> None:
        body = {"model": model, "messages": ASK, "max_tokens": 3000, "temperature": 1.5, "stream": True, "seed": 1}
        with runner.client() as leaving, leaving.stream("POST", "/v1/chat/completions", json=body) as response:
            next(response.iter_lines())
        started = time.monotonic()
        answer(http, model, max_tokens=2)
        assert time.monotonic() - started < 60  # 3000 tokens take minutes

    def test_tools_are_refused_instead_of_ignored(self, http: httpx.Client, model: str) -> None:
        response = chat(http, model, tools=[{"type": "function", "function": {"name": "f"}}])
        assert response.status_code == 422
        assert response.json()["error"]["code"] == "unsupported_parameter"


def test_both_chat_engines_know_the_same_model(http: httpx.Client) -> None:
    assert "Paris" in answer(http, BASE_CHAT_MODEL)
    assert "Paris" in answer(http, EXACT)


def test_llamacpp_constrains_its_output_to_a_schema(http: httpx.Client) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    text = answer(
        http,
        BASE_CHAT_MODEL,
        max_tokens=40,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    )
    assert isinstance(json.loads(text)["ok"], bool)


def test_an_engine_that_cannot_constrain_says_so(http: httpx.Client) -> None:
    response = chat(http, EXACT, response_format={"type": "json_object"})
    assert response.json()["error"]["code"] == "unsupported_parameter"


def test_concurrent_chats_are_all_answered(runner: RunnerProcess) -> None:
    found: list[str] = []

    def ask() -> None:
        with runner.client() as client:
            found.append(answer(client, BASE_CHAT_MODEL))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all("Paris" in text for text in found)


def test_embeddings_are_unit_vectors_that_know_meaning(http: httpx.Client) -> None:
    texts = ["How do I pay my bill?", "Where can I settle the invoice?", "The cat sleeps on the sofa.", "x" * 5000]
    body = http.post("/v1/embeddings", json={"model": BASE_EMBEDDING_MODEL, "input": texts}).json()
    vectors = [item["embedding"] for item in body["data"]]
    assert [len(vector) for vector in vectors] == [384] * 4
    assert all(math.isclose(sum(x * x for x in vector), 1.0, rel_tol=1e-5) for vector in vectors)
    near = sum(a * b for a, b in zip(vectors[0], vectors[1], strict=True))
    far = sum(a * b for a, b in zip(vectors[0], vectors[2], strict=True))
    assert near > far + 0.3
    assert body["usage"]["prompt_tokens"] > 10


def test_embeddings_do_not_depend_on_their_batch(http: httpx.Client) -> None:
    alone = http.post("/v1/embeddings", json={"input": "short text"}).json()["data"][0]["embedding"]
    texts = ["short text", *(f"a much longer text about number {n} " * 8 for n in range(40))]
    among = http.post("/v1/embeddings", json={"input": texts}).json()["data"][0]["embedding"]
    assert max(abs(a - b) for a, b in zip(alone, among, strict=True)) < 1e-5


def test_openai_clients_read_embeddings(runner: RunnerProcess) -> None:
    client = openai.OpenAI(base_url=f"{runner.url}/v1", api_key=runner.token)
    found = client.embeddings.create(model=BASE_EMBEDDING_MODEL, input=["a", "b"])
    assert [len(item.embedding) for item in found.data] == [384, 384]


def test_a_model_is_refused_for_what_it_cannot_do(http: httpx.Client) -> None:
    response = chat(http, BASE_EMBEDDING_MODEL)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "unsupported_model"
    response = http.post("/v1/classify", json={"model": BASE_CHAT_MODEL, "texts": ["a"]})
    assert response.json()["error"]["code"] == "unsupported_model"
