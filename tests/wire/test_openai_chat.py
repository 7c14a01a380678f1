"""`/v1/chat/completions` as OpenAI's own client sees it: what it takes, what it refuses, how it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from apps.agents.servers.calls import in_thread
from apps.agents.types import AgentInfo
from apps.tenancy.types import Actor
from tests.wire.conftest import openai_client

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION: Any = [{"role": "user", "content": "What is the notice period?"}]
RETURNS: Any = [{"role": "user", "content": "How long do I have to return an item?"}]
COLOUR: Any = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "schema": {
            "type": "object",
            "properties": {"days": {"type": "integer"}},
            "required": ["days"],
            "additionalProperties": False,
        },
    },
}


def test_an_answer_has_a_request_id_and_a_fingerprint_of_what_answered(
    actor: Actor, published: AgentInfo, openai_of: Any
) -> None:
    answer = openai_of(actor).chat.completions.create(model=published.slug, messages=QUESTION, n=1, seed=7)
    assert answer._request_id.startswith("req_")
    assert answer.system_fingerprint.startswith("fp_")
    assert answer.choices[0].message.refusal is None


def test_the_same_seed_gives_the_same_words_and_a_stop_word_ends_them(
    actor: Actor, writer: AgentInfo, openai_of: Any
) -> None:
    ask = openai_of(actor).chat.completions.create
    asked: dict[str, Any] = {"model": writer.slug, "messages": RETURNS, "seed": 11, "temperature": 0.9}
    first = ask(**asked, max_tokens=24).choices[0].message.content
    assert ask(**asked, max_tokens=24).choices[0].message.content == first
    stop = next(word for word in first.split() if len(word) > 3)
    stopped = "".join(
        chunk.choices[0].delta.content or ""
        for chunk in ask(**asked, max_tokens=24, stop=[stop], stream=True)
        if chunk.choices
    )
    # What follows an unsupported answer is the documents' own words, not the model's.
    assert stop not in stopped.split("From the documents:", maxsplit=1)[0]


def test_a_schema_binds_the_model(actor: Actor, writer: AgentInfo, openai_of: Any) -> None:
    answer = openai_of(actor).chat.completions.create(
        model=writer.slug, messages=RETURNS, response_format=COLOUR, max_tokens=40, temperature=0
    )
    message = answer.choices[0].message
    assert message.refusal is not None or isinstance(json.loads(message.content)["days"], int)


@pytest.mark.parametrize(
    ("asked", "param", "code"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "unsupported_parameter"),
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"logprobs": True}, "logprobs", "unsupported_parameter"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "invalid_request"),
        ({"temperature": 9}, "temperature", "invalid_input"),
        ({"response_format": {"type": "grammar"}}, "response_format", "unsupported_parameter"),
        ({"response_format": COLOUR}, "response_format", "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": "word " * 4000}]}, "messages", "prompt_too_long"),
    ],
)
def test_what_an_agent_cannot_do_is_a_bad_request_that_names_the_parameter(
    actor: Actor, published: AgentInfo, openai_of: Any, asked: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openai_of(actor).chat.completions.create(**{"model": published.slug, "messages": QUESTION} | asked)
    assert (caught.value.param, caught.value.code) == (param, code)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id is not None


def test_a_system_message_adds_to_the_agents_instruction(actor: Actor, writer: AgentInfo, openai_of: Any) -> None:
    ask = openai_of(actor).chat.completions.create
    system: Any = {"role": "system", "content": "Always answer in one short sentence."}
    with_it = ask(model=writer.slug, messages=[system, *RETURNS], max_tokens=16, seed=3)
    without = ask(model=writer.slug, messages=RETURNS, max_tokens=16, seed=3)
    assert with_it.usage.prompt_tokens > without.usage.prompt_tokens
    with pytest.raises(openai.BadRequestError):
        ask(model=writer.slug, messages=[{"role": "system", "content": "word " * 900}, *RETURNS])


async def test_the_asynchronous_client_streams_with_usage(
    actor: Actor, published: AgentInfo, key_of: Callable[..., str], asgi_url: str
) -> None:
    key = await in_thread(key_of, actor)
    async with openai.AsyncOpenAI(
        base_url=f"{asgi_url}/v1",
        api_key=key,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
    ) as client:
        stream = await client.chat.completions.create(
            model=published.slug, messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert "three months" in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens > 0


def test_a_wrong_key_is_an_authentication_error(asgi_url: str, published: AgentInfo) -> None:
    with openai_client(asgi_url, "sk_wrong") as stranger, pytest.raises(openai.AuthenticationError) as caught:
        stranger.models.list()
    assert caught.value.code == "invalid_api_key"
    assert caught.value.type == "authentication_error"
