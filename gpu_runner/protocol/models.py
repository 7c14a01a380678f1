"""`/v1/models` and the health pages."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, Field

from gpu_runner.protocol.base import FILE_NAME_PATTERN, PROTOCOL_VERSION, SHA256_PATTERN, Wire


class ModelKind(StrEnum):
    """What a model can be asked for."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    CLASSIFIER = "classifier"
    ADAPTER = "adapter"


class ModelCard(BaseModel):
    """Entry of `GET /v1/models`."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "runner"
    kind: ModelKind
    engine: str
    base: str | None = None
    classes: list[str] = Field(default_factory=list)
    loaded: bool = False


class ModelList(BaseModel):
    """`GET /v1/models`."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class ArtifactInfo(Wire):
    """One file of a model."""

    name: str = Field(pattern=FILE_NAME_PATTERN)
    sha256: str = Field(pattern=SHA256_PATTERN)
    size: int = Field(ge=1)


class ModelManifest(Wire):
    """Form field `manifest` of `PUT /v1/models/{name}`; the files follow as form files named like the artifacts."""

    kind: Literal[ModelKind.CLASSIFIER, ModelKind.ADAPTER]
    base: str = Field(min_length=1, max_length=200)
    classes: list[str] = Field(default_factory=list, max_length=1000)
    artifacts: list[ArtifactInfo] = Field(min_length=1, max_length=16)


class Health(BaseModel):
    """`/healthz` and `/readyz`; `ready` is false (and the status 503) until the bundled models can answer."""

    status: Literal["ok", "loading", "models_missing", "failed"]
    ready: bool
    protocol: int = PROTOCOL_VERSION
    models: dict[str, str] = Field(default_factory=dict)
    detail: str = ""
