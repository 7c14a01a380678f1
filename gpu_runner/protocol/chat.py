"""`/v1/chat/completions`, as OpenAI clients speak it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from gpu_runner.protocol.base import OpenAIWire


class ContentPart(OpenAIWire):
    """One part of a message; only text is understood."""

    type: Literal["text"]
    text: str


class ChatMessage(OpenAIWire):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ContentPart]

    def text(self) -> str:
        """Content as one string."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(OpenAIWire):
    """`include_usage` adds a last chunk with the token counts."""

    include_usage: bool = False


class ChatRequest(OpenAIWire):
    """`POST /v1/chat/completions`."""

    model: str = Field(min_length=1, max_length=200)
    messages: list[ChatMessage] = Field(min_length=1, max_length=1000)
    max_tokens: int | None = Field(default=None, ge=1, le=32_768)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=32_768)
    temperature: float = Field(default=0.7, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    stop: str | list[str] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    response_format: dict[str, Any] | None = None
    n: int | None = None
    tools: list[Any] | None = None
    logprobs: bool | None = None

    @field_validator("stop")
    @classmethod
    def _stop_is_short(cls, value: str | list[str] | None) -> str | list[str] | None:
        words = [value] if isinstance(value, str) else (value or [])
        if len(words) > 4 or any(not word or len(word) > 200 for word in words):
            raise ValueError("stop takes 1 to 4 non-empty strings of at most 200 characters")
        return value

    def stop_words(self) -> list[str]:
        """Stop strings as a list."""
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or [])

    def token_limit(self, default: int) -> int:
        """Most tokens to generate."""
        return self.max_completion_tokens or self.max_tokens or default


class Usage(BaseModel):
    """Token counts of one request."""

    prompt_tokens: int
    completion_tokens: int = 0
    total_tokens: int


class AssistantMessage(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str


FinishReason = Literal["stop", "length"]


class ChatChoice(BaseModel):
    """Always one, index 0."""

    index: int = 0
    message: AssistantMessage
    finish_reason: FinishReason


class ChatResponse(BaseModel):
    """Answer of a request without streaming."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


class ChatDelta(BaseModel):
    """What a streamed chunk adds."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChatChunkChoice(BaseModel):
    """One step of the stream."""

    index: int = 0
    delta: ChatDelta
    finish_reason: FinishReason | None = None


class ChatChunk(BaseModel):
    """One server-sent event of a streamed answer; the last event is the literal `[DONE]`."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChatChunkChoice]
    usage: Usage | None = None
