"""Foreign agents (A2A) as tools. What one says is text of a stranger, like any other tool's result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.agents import remote
from apps.agents.remote import RemoteCard
from apps.agents.specs import RemoteTool
from apps.agents.teams.grants import Grant
from apps.agents.tools.base import MAX_RESULT_CHARACTERS, Offered, ToolFailed, clipped
from apps.agents.tools.openapi import Reach
from apps.core.errors import DomainError, InvalidInput

ASK_TIMEOUT_S = 90.0
CARD_TIMEOUT_S = 10.0
MAX_QUESTION_CHARACTERS = 4_000
ASKS_BACK = "(It asks back and has not finished. Put all that it needs into one question.)"


async def card(reach: Reach) -> RemoteCard:
    """What the agent at a connection says of itself.

    Raises:
        ToolFailed: there is none, or it does not answer.
    """
    try:
        return await remote.card_at(
            reach.url, headers=reach.headers, timeout_s=CARD_TIMEOUT_S, allow_loopback=reach.allow_loopback
        )
    except DomainError as error:
        raise ToolFailed(error.message, is_untouched=True) from None


async def ask(reach: Reach, question: str, grant: Grant, key: str = "") -> str:
    """What a foreign agent answers, cut to a length that a model can take.

    Args:
        grant: what it may do, as far as it is an agent that keeps to that.
        key: the same whenever this question is put again.

    Raises:
        ToolFailed: it does not answer, fails, or refuses.
    """
    limits = {remote.DEPTH_KEY: grant.depth, remote.TOKENS_KEY: grant.tokens}
    try:
        answer = await remote.ask(
            reach.url,
            question,
            headers=reach.headers,
            limits={name: value for name, value in limits.items() if value is not None},
            key=key,
            timeout_s=ASK_TIMEOUT_S,
            allow_loopback=reach.allow_loopback,
        )
    except DomainError as error:
        # An agent that refuses says that it did nothing; one that fails may have done something.
        raise ToolFailed(error.message, is_untouched=isinstance(error, InvalidInput)) from None
    text = clipped(answer.text, MAX_RESULT_CHARACTERS) or "(no text)"
    return text if answer.is_final else f"{text}\n{ASKS_BACK}"


def offer(spec: RemoteTool, reach: Reach, delegate: Callable[[], Grant]) -> Offered:
    """The agent as a tool. It is not reached before it is called."""

    async def call(arguments: dict[str, Any], key: str) -> str:
        return await ask(reach, str(arguments.get("question", "")), delegate(), key)

    return Offered(
        name=spec.name,
        spec_name=spec.name,
        purpose=spec.purpose or "Asks a foreign agent.",
        schema={
            "type": "object",
            "properties": {"question": {"type": "string", "maxLength": MAX_QUESTION_CHARACTERS}},
            "required": ["question"],
            "additionalProperties": False,
        },
        call=call,
        has_effects=not spec.harmless,
        likenesses=spec.examples,
        guess=lambda question: {"question": question[:MAX_QUESTION_CHARACTERS]},
        timeout_s=ASK_TIMEOUT_S,
    )
