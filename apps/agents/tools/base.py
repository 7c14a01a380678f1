"""What a tool is to the run that calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

MAX_RESULT_CHARACTERS = 6_000
"""More of a result than this would push everything else out of a model's context."""

TOOL_TIMEOUT_S = 30.0
MAX_RESULT_BYTES = 2_000_000

Call = Callable[[dict[str, Any], str], Awaitable[str]]
"""Takes the arguments and a key for `Idempotency-Key` (empty where a call only reads)."""


class ToolFailed(Exception):
    """The call gave no result; the message says why, for the model and the reader.

    Attributes:
        is_untouched: surely nothing was changed by the call.
    """

    def __init__(self, message: str, *, is_untouched: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.is_untouched = is_untouched


class CallWaits(Exception):
    """The call waits for the one who asked; the answer goes on when that one has decided."""

    def __init__(self, call_id: str) -> None:
        super().__init__(call_id)
        self.call_id = call_id


@dataclass(frozen=True)
class Example:
    """A question and the arguments that answer it: what a small model learns the tool from."""

    question: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Offered:
    """A tool as it is offered to a model.

    Attributes:
        spec_name: the name in the agent's configuration, which grants refer to.
        schema: JSON schema of the arguments, an object.
        has_effects: whether a call changes something outside and so waits for approval.
        likenesses: texts that a question for this tool resembles.
        narrow: the schema with what a question leaves open only, for a small model.
        guess: arguments that can be read off a question without any model, or None.
        guess_tells: whether a question that can be read off is likely meant for this tool.
        render: the result as an answer, where no model phrases it.
        timeout_s: a call that takes longer is cut off.
    """

    name: str
    spec_name: str
    purpose: str
    schema: dict[str, Any]
    call: Call
    has_effects: bool = False
    likenesses: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    narrow: Callable[[str], dict[str, Any]] | None = None
    guess: Callable[[str], dict[str, Any] | None] | None = None
    guess_tells: bool = False
    render: Callable[[dict[str, Any], str], str] | None = None
    timeout_s: float = TOOL_TIMEOUT_S


async def call_within_limits(tool: Offered, arguments: dict[str, Any], key: str, timeout_s: float) -> str:
    """The tool's result as text of a length that a model can take.

    Raises:
        ToolFailed: it failed, or it took too long.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return clipped(await tool.call(arguments, key))
    except TimeoutError:
        raise ToolFailed(f"{tool.name} did not answer within {timeout_s:.0f} seconds and was cut off.") from None


def clipped(text: str, limit: int = MAX_RESULT_CHARACTERS) -> str:
    """The beginning of a long text, saying how much was left out."""
    text = text.replace("\x00", "")
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n[cut: {len(text) - limit:,} more characters]"
