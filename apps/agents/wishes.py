"""What a caller of the API may wish of one answer, checked and applied to the agent that answers.

A caller can shorten an answer, choose how it is drawn and add to the agent's instruction; it cannot take anything of
the agent's own instruction away or have a longer answer than its owner allows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from apps.agents.errors import unsupported
from apps.agents.types import CallOptions, ChatTarget
from apps.core.errors import FieldProblem, InvalidInput
from apps.knowledge.chunking import estimate_tokens

MAX_INSTRUCTION_TOKENS = 400
MAX_FORMAT_CHARACTERS = 20_000
MAX_STOP_WORDS = 4
MAX_STOP_CHARACTERS = 200
_SEEDS = 2**31


@dataclass(frozen=True)
class CallWishes:
    """One caller's wishes; plain values, so that they can be kept with a response that is answered later."""

    instructions: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    response_format: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON column."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CallWishes:
        """The inverse of `as_json`."""
        return cls(**(value | {"stop": tuple(value.get("stop") or ())}))

    def applied(self, target: ChatTarget) -> ChatTarget:
        """The target as it answers this caller."""
        config = target.config
        changes: dict[str, Any] = {}
        if self.max_tokens is not None:
            changes["max_answer_tokens"] = min(self.max_tokens, config.max_answer_tokens)
        if self.temperature is not None:
            changes["temperature"] = self.temperature
        if self.instructions:
            changes["instruction"] = f"{config.instruction} {self.instructions}".strip()
        options = CallOptions(self.seed, self.stop, self.top_p, self.response_format)
        return replace(target, config=replace(config, **changes), options=options)


def checked_instructions(texts: Sequence[str], field: str) -> str:
    """The caller's addition to the agent's instruction.

    Raises:
        InvalidInput: it is too long for a small model's prompt.
    """
    text = "\n".join(part.strip() for part in texts if part.strip()).replace("\x00", "")
    if estimate_tokens(text) > MAX_INSTRUCTION_TOKENS:
        raise bad_value(field, f"Instructions of a call are at most {MAX_INSTRUCTION_TOKENS} tokens long.")
    return text


def checked_stop(value: object) -> tuple[str, ...]:
    """`stop`: a word or up to four of them."""
    words = [value] if isinstance(value, str) else list(value) if isinstance(value, list) else None
    if value is None or words == []:
        return ()
    if (
        words is None
        or len(words) > MAX_STOP_WORDS
        or any(not isinstance(word, str) or not 1 <= len(word) <= MAX_STOP_CHARACTERS for word in words)
    ):
        raise bad_value("stop", f"Up to {MAX_STOP_WORDS} strings of 1 to {MAX_STOP_CHARACTERS} characters.")
    return tuple(words)


def checked_seed(value: int | None) -> int | None:
    """`seed`, within what the engines take."""
    return None if value is None else value % _SEEDS


def checked_format(value: object, field: str) -> dict[str, Any] | None:
    """OpenAI's `response_format` (or the `text.format` of a response), as the runner takes it; None for plain text."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise bad_value(field, "The format is an object with a type.")
    kind = value.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "json_object"}
    if kind != "json_schema":
        raise unsupported(field, "The type is text, json_object or json_schema.")
    # The chat API nests name and schema, the responses API does not.
    inner = value.get("json_schema", value)
    schema = inner.get("schema") if isinstance(inner, dict) else None
    if not isinstance(schema, dict) or len(json.dumps(schema)) > MAX_FORMAT_CHARACTERS:
        raise bad_value(field, f"A JSON schema of at most {MAX_FORMAT_CHARACTERS} characters is needed.")
    return {"type": "json_schema", "json_schema": {"name": str(inner.get("name") or "answer"), "schema": schema}}


def bad_value(field: str, message: str) -> InvalidInput:
    """A field of the request that is not understood."""
    problems: list[FieldProblem] = [{"field": field, "message": message}]
    return InvalidInput("invalid_request", f"{field}: {message}", errors=problems)
