"""`POST /v1/embeddings` and `POST /v1/classify`."""

from __future__ import annotations

import base64
import struct

from fastapi import APIRouter

from gpu_runner.app_state import Parts
from gpu_runner.engines.base import ClassifierEngine, EmbeddingEngine
from gpu_runner.errors import TooLarge
from gpu_runner.protocol import (
    ClassifyRequest,
    ClassifyResponse,
    EmbeddingItem,
    EmbeddingRequest,
    EmbeddingResponse,
    Usage,
)

router = APIRouter()

MAX_TEXT_CHARACTERS = 100_000


@router.post("/v1/embeddings")
async def create_embeddings(body: EmbeddingRequest, parts: Parts) -> EmbeddingResponse:
    """Unit vectors of the texts."""
    texts = body.texts()
    _check_lengths(texts)
    engine = parts.pool.engine(body.model, EmbeddingEngine)  # type: ignore[type-abstract]  # asks for the interface
    embedded = await parts.serving.call(lambda: engine.embed(texts))
    data = [
        EmbeddingItem(index=index, embedding=_encoded(vector, body.encoding_format))
        for index, vector in enumerate(embedded.vectors)
    ]
    return EmbeddingResponse(model=body.model, data=data, usage=_usage(embedded.tokens))


@router.post("/v1/classify")
async def classify(body: ClassifyRequest, parts: Parts) -> ClassifyResponse:
    """Label and probabilities of each text."""
    _check_lengths(body.texts)
    engine = parts.pool.engine(body.model, ClassifierEngine)  # type: ignore[type-abstract]  # asks for the interface
    classified = await parts.serving.call(lambda: engine.classify(body.texts))
    return ClassifyResponse(model=body.model, results=classified.results, usage=_usage(classified.tokens))


def _check_lengths(texts: list[str]) -> None:
    for index, text in enumerate(texts):
        if len(text) > MAX_TEXT_CHARACTERS:
            raise TooLarge(f"Text {index} has more than {MAX_TEXT_CHARACTERS} characters.", index=index)


def _encoded(vector: list[float], form: str) -> list[float] | str:
    if form == "float":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _usage(tokens: int) -> Usage:
    return Usage(prompt_tokens=tokens, total_tokens=tokens)
