"""Names, bounds and base classes of the wire format."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

PROTOCOL_VERSION = 1
BASE_CHAT_MODEL = "smollm2-135m-instruct"
BASE_EMBEDDING_MODEL = "all-minilm-l6-v2"
MODEL_NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,99}$"
FILE_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
MAX_TEXTS = 2048
MAX_INLINE_ROWS = 200_000


class Wire(BaseModel):
    """Strict base: a field that the other side does not know is an error, not a silent loss."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class OpenAIWire(BaseModel):
    """Base of what OpenAI clients send: they may carry fields we do not use."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())
