"""OpenAI's responses: the input it takes, the object it answers with and the events of a stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from apps.agents.models import StoredResponse
from apps.agents.types import Answer, FinishReason, Turn
from apps.agents.wishes import bad_value
from apps.core.errors import DomainError, NotFound

PREFIX = "resp_"
MAX_ITEMS = 200
_MARK = re.compile(r"\[(\d{1,2})\]")
_TEXT_PARTS = ("input_text", "output_text", "text")


def response_id(row: StoredResponse) -> str:
    """`resp_…`"""
    return f"{PREFIX}{row.id.hex}"


def parse_id(raw: object) -> UUID:
    """The row's id of `resp_…`.

    Raises:
        NotFound: it is none.
    """
    try:
        return UUID(hex=str(raw).removeprefix(PREFIX))
    except ValueError:
        raise response_not_found(raw) from None


def response_not_found(raw: object) -> NotFound:
    """No such response for this caller."""
    return NotFound("response_not_found", f"There is no response {raw} here.")


def input_items(value: object) -> list[dict[str, Any]]:
    """`input` as a list of messages `{"role", "text"}`.

    Raises:
        InvalidInput: naming the item that is not understood.
    """
    if isinstance(value, str):
        return [{"role": "user", "text": value}]
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_ITEMS:
        raise bad_value("input", f"The input is text or a list of 1 to {MAX_ITEMS} messages.")
    return [_item(f"input[{index}]", item) for index, item in enumerate(value)]


def conversation(items: Sequence[dict[str, Any]]) -> tuple[list[Turn], str, list[str]]:
    """Earlier turns, the question, and the instructions of the caller."""
    turns = [Turn(item["role"], item["text"]) for item in items if item["role"] in ("user", "assistant")]
    extra = [item["text"] for item in items if item["role"] in ("system", "developer")]
    if not turns or turns[-1].role != "user":
        raise bad_value("input", "The last message must be the user's.")
    return turns[:-1], turns[-1].text, extra


def shown_items(row: StoredResponse) -> list[dict[str, Any]]:
    """The input as `input_items.list` shows it, newest first."""
    shown = [
        {
            "id": f"msg_{row.id.hex[:20]}{index:04d}",
            "type": "message",
            "role": item["role"],
            "status": "completed",
            "content": [{"type": "output_text" if item["role"] == "assistant" else "input_text", "text": item["text"]}],
        }
        for index, item in enumerate(row.input)
    ]
    return shown[::-1]


def body(row: StoredResponse) -> dict[str, Any]:
    """The response object."""
    wishes = row.wishes
    return {
        "id": response_id(row),
        "object": "response",
        "created_at": int(row.created_at.timestamp()),
        "completed_at": int(row.completed_at.timestamp()) if row.completed_at else None,
        "status": row.status,
        "background": row.is_background,
        "error": {"code": "server_error", "message": row.problem} if row.status == "failed" else None,
        "incomplete_details": _incomplete(row),
        "instructions": row.instructions or None,
        "max_output_tokens": wishes.get("max_tokens"),
        "metadata": row.metadata,
        "model": row.agent_slug,
        "output": [_message(row)] if row.text or row.status in ("completed", "incomplete") else [],
        "parallel_tool_calls": False,
        "previous_response_id": f"{PREFIX}{row.previous_id.hex}" if row.previous_id else None,
        "store": row.is_kept,
        "temperature": wishes.get("temperature"),
        "text": {"format": _format(wishes.get("response_format"))},
        "tool_choice": "none",
        "tools": [],
        "top_p": wishes.get("top_p"),
        "truncation": "disabled",
        "usage": _usage(row) if row.completed_at else None,
        "sources": row.sources,
    }


class Events:
    """The events of one streamed response, numbered, as server-sent events."""

    def __init__(self, row: StoredResponse) -> None:
        self.row = row
        self.number = 0
        self.sent = ""

    def begin(self) -> Iterator[bytes]:
        """Before the first word."""
        yield self._event("response.created", response=body(self.row))
        yield self._event("response.in_progress", response=body(self.row))
        item = _message(self.row) | {"status": "in_progress", "content": []}
        yield self._event("response.output_item.added", output_index=0, item=item)
        yield self._part("response.content_part.added", "")

    def words(self, text: str) -> Iterator[bytes]:
        """Some more words."""
        self.sent += text
        yield self._event("response.output_text.delta", **self._place, delta=text, logprobs=[])

    def end(self) -> Iterator[bytes]:
        """After the last word, with the row as it is kept."""
        rest = self.row.text.removeprefix(self.sent) if self.row.text.startswith(self.sent) else ""
        if rest:
            yield from self.words(rest)
        text = self.row.text
        yield self._event("response.output_text.done", **self._place, text=text, logprobs=[])
        yield self._part("response.content_part.done", text)
        yield self._event("response.output_item.done", output_index=0, item=_message(self.row))
        kind = "response.incomplete" if self.row.status == "incomplete" else "response.completed"
        yield self._event(kind, response=body(self.row))

    def failed(self, error: DomainError) -> bytes:
        """Instead of the end."""
        self.row.status, self.row.problem = "failed", error.message
        return self._event("response.failed", response=body(self.row))

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": _message_id(self.row), "output_index": 0, "content_index": 0}

    def _part(self, kind: str, text: str) -> bytes:
        return self._event(kind, **self._place, part=_content(self.row, text))

    def _event(self, kind: str, **fields: Any) -> bytes:
        value = {"type": kind, "sequence_number": self.number} | fields
        self.number += 1
        return f"event: {kind}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def status_of(answer: Answer) -> str:
    """The status of a response that ended with this answer."""
    return {
        FinishReason.LENGTH: "incomplete",
        FinishReason.FILTERED: "incomplete",
        FinishReason.CANCELLED: "cancelled",
        FinishReason.FAILED: "failed",
    }.get(answer.finish, "completed")


def _incomplete(row: StoredResponse) -> dict[str, str] | None:
    if row.status != "incomplete":
        return None
    return {"reason": "content_filter" if row.finish == FinishReason.FILTERED else "max_output_tokens"}


def _item(place: str, item: object) -> dict[str, Any]:
    if not isinstance(item, dict) or item.get("type", "message") != "message":
        raise bad_value(place, "Only items of type message are understood.")
    role, content = item.get("role"), item.get("content")
    if role not in ("system", "developer", "user", "assistant"):
        raise bad_value(f"{place}.role", "The role is system, developer, user or assistant.")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") in _TEXT_PARTS]
        if len(parts) != len(content) or not all(isinstance(part, str) for part in parts):
            raise bad_value(f"{place}.content", "Only parts of text are understood.")
        content = "".join(str(part) for part in parts)
    if not isinstance(content, str):
        raise bad_value(f"{place}.content", "The content is text.")
    return {"role": role, "text": content}


def _message_id(row: StoredResponse) -> str:
    return f"msg_{row.id.hex}"


def _message(row: StoredResponse) -> dict[str, Any]:
    ended = row.status in ("completed", "incomplete")
    return {
        "id": _message_id(row),
        "type": "message",
        "role": "assistant",
        "status": row.status if ended else "in_progress",
        "content": [_content(row, row.text)],
    }


def _content(row: StoredResponse, text: str) -> dict[str, Any]:
    if text and row.wishes.get("response_format") and row.finish == FinishReason.ABSTAINED:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": _citations(row, text), "logprobs": []}


def _citations(row: StoredResponse, text: str) -> list[dict[str, Any]]:
    """A file citation for each mark [n] that names a source."""
    sources = {source["number"]: source for source in row.sources}
    return [
        {
            "type": "file_citation",
            "file_id": source["document_id"],
            "filename": source["document"],
            "index": mark.start(),
        }
        for mark in _MARK.finditer(text)
        if (source := sources.get(int(mark[1]))) is not None
    ]


def _format(wanted: dict[str, Any] | None) -> dict[str, Any]:
    if wanted is None:
        return {"type": "text"}
    return {"type": wanted["type"], **wanted.get("json_schema", {})}


def _usage(row: StoredResponse) -> dict[str, Any]:
    return {
        "input_tokens": row.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": row.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": row.prompt_tokens + row.completion_tokens,
    }
