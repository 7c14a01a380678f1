"""`/v1/embeddings` and `/v1/classify`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, field_validator

from gpu_runner.protocol.base import BASE_EMBEDDING_MODEL, MAX_TEXTS, OpenAIWire, Wire
from gpu_runner.protocol.chat import Usage


class EmbeddingRequest(OpenAIWire):
    """`POST /v1/embeddings`."""

    model: str = BASE_EMBEDDING_MODEL
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"

    @field_validator("input")
    @classmethod
    def _bounded(cls, value: str | list[str]) -> str | list[str]:
        if isinstance(value, list) and not 1 <= len(value) <= MAX_TEXTS:
            raise ValueError(f"input takes 1 to {MAX_TEXTS} texts")
        return value

    def texts(self) -> list[str]:
        """Input as a list."""
        return [self.input] if isinstance(self.input, str) else list(self.input)


class EmbeddingItem(BaseModel):
    """One vector of unit length; base64 is little-endian float32."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingResponse(BaseModel):
    """Vectors in the order of the input."""

    object: Literal["list"] = "list"
    model: str
    data: list[EmbeddingItem]
    usage: Usage


class ClassifyRequest(Wire):
    """`POST /v1/classify`: a classifier head or a classification adapter."""

    model: str = Field(min_length=1, max_length=200)
    texts: list[str] = Field(min_length=1, max_length=MAX_TEXTS)


class Classification(BaseModel):
    """The most probable class and the probability of every class (they sum to 1)."""

    label: str
    probability: float
    probabilities: dict[str, float]


class ClassifyResponse(BaseModel):
    """Results in the order of the input."""

    model: str
    results: list[Classification]
    usage: Usage
