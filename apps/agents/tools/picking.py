"""Tool calls of small models, in two stages: an embedding picks the tool (or none), a schema fills its arguments.

A model of 135 million parameters that is shown several tools calls the wrong one, or none, in half of the cases
(docs/guides/agent-tools.md has the figures). So it never chooses: the question is compared with what each tool is
for, and only the picked tool's example and schema are put before the model, which can then write nothing else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import Any

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAIError

from apps.agents.tools.base import Offered, ToolFailed
from apps.compute import runner
from apps.compute.types import BASE_CHAT_MODEL

PICK_AT = 0.42
"""Least likeness of a question to a tool. Below it the agent answers without a tool."""

GUESS_BONUS = 0.15
"""A question whose arguments can be read off plainly is likely meant for that tool."""

FILL_TOKENS = 160
FILL_TIMEOUT_S = 45.0


@dataclass(frozen=True)
class Pick:
    """The picked tool, or None, and how like the question was to each."""

    tool: Offered | None
    scores: dict[str, float]


@dataclass(frozen=True)
class Filled:
    """Arguments, and what it cost to find them; `by` is "reading" or "model"."""

    arguments: dict[str, Any]
    by: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


async def pick(question: str, tools: Sequence[Offered]) -> Pick:
    """The tool that a question is for.

    Raises:
        RunnerUnavailable, RunnerBusy: retryable.
    """
    asked = (await asyncio.to_thread(runner.embed, [question]))[0]
    scores: dict[str, float] = {}
    for tool in tools:
        texts = (*tool.likenesses, *(example.question for example in tool.examples), tool.purpose[:200])
        known = await asyncio.to_thread(_vectors, tuple(text for text in texts if text))
        likeness = max((sum(map(mul, asked, vector)) for vector in known), default=0.0)
        readable = tool.guess_tells and tool.guess is not None and tool.guess(question) is not None
        scores[tool.name] = round(likeness + (GUESS_BONUS if readable else 0.0), 4)
    best = max(tools, key=lambda tool: scores[tool.name], default=None)
    return Pick(best if best is not None and scores[best.name] >= PICK_AT else None, scores)


async def fill(question: str, tool: Offered) -> Filled:
    """Arguments of the picked tool: read off the question where that is plain, else by the constrained model.

    Raises:
        ToolFailed: the model wrote nothing usable.
    """
    guessed = tool.guess(question) if tool.guess is not None else None
    if guessed is not None:
        return Filled(guessed, "reading")
    schema = tool.narrow(question) if tool.narrow is not None else tool.schema
    try:
        async with (
            DefaultAsyncHttpxClient(trust_env=False, timeout=FILL_TIMEOUT_S) as http,
            AsyncOpenAI(
                base_url=runner.runner_base_url(), api_key=runner.runner_token(), max_retries=1, http_client=http
            ) as client,
        ):
            answer = await client.chat.completions.create(
                model=BASE_CHAT_MODEL,
                messages=[{"role": "user", "content": _prompt(question, tool)}],
                temperature=0.0,
                max_tokens=FILL_TOKENS,
                response_format={"type": "json_schema", "json_schema": {"name": "arguments", "schema": schema}},
            )
        arguments = json.loads(answer.choices[0].message.content or "")
    except (OpenAIError, ValueError) as error:
        raise ToolFailed(f"The arguments of {tool.name} could not be found ({type(error).__name__}).") from None
    if not isinstance(arguments, dict):
        raise ToolFailed(f"The arguments of {tool.name} could not be found.")
    usage = answer.usage
    return Filled(arguments, "model", usage.prompt_tokens if usage else 0, usage.completion_tokens if usage else 0)


def _prompt(question: str, tool: Offered) -> str:
    shown = "\n\n".join(
        f"Question: {example.question}\nArguments: {json.dumps(example.arguments, ensure_ascii=False)}"
        for example in tool.examples
    )
    return f"{tool.purpose[:300]}\nWrite the arguments as JSON.\n\n{shown}\n\nQuestion: {question[:600]}\nArguments:"


@lru_cache(maxsize=256)
def _vectors(texts: tuple[str, ...]) -> list[list[float]]:
    return runner.embed(list(texts))
