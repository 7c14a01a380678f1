"""The small interface that every engine implements.

Engines are synchronous and run in worker threads. Loading is lazy and idempotent; heavy libraries are imported inside
`load`, so that a process that never uses an engine never pays for it. Everything an engine raises on purpose is a
:class:`gpu_runner.errors.RunnerError`.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from gpu_runner.protocol import Classification, FinishReason, ModelKind

Emit = Callable[[str], bool]
"""Receives each piece of generated text; answers False when nobody listens any more, and the engine then stops."""


class GenerationAbandoned(Exception):
    """Nobody waits for this answer any more; it ends the generation and is shown to no one."""


class EngineName(StrEnum):
    """Every engine there is; one folder each."""

    LLAMACPP = "llamacpp"
    TRANSFORMERS = "transformers"
    EMBEDDINGS = "embeddings"
    CLASSIFIER = "classifier"


@dataclass(frozen=True)
class ModelRecord:
    """One model on disk and the engine that runs it. `directory` holds its files."""

    name: str
    kind: ModelKind
    engine: EngineName
    directory: Path
    base: str | None = None
    classes: tuple[str, ...] = ()
    created: int = 0


@dataclass(frozen=True)
class EngineOptions:
    """What the machine gives to an engine."""

    threads: int = 1
    chat_slots: int = 4
    chat_context: int = 4096


@dataclass(frozen=True)
class ChatCall:
    """A chat request, reduced to what engines need. Messages are `(role, text)`; roles: system, user, assistant."""

    messages: tuple[tuple[str, str], ...]
    max_tokens: int
    temperature: float
    top_p: float
    seed: int | None
    stop: tuple[str, ...] = ()
    response_format: dict[str, Any] | None = None


@dataclass(frozen=True)
class ChatOutcome:
    """How a generation ended."""

    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Embedded:
    """Unit vectors in the order of the texts, and the tokens read."""

    vectors: list[list[float]]
    tokens: int


@dataclass(frozen=True)
class Classified:
    """Results in the order of the texts, and the tokens read."""

    results: list[Classification]
    tokens: int


class Engine(ABC):
    """A model, loaded at most once."""

    def __init__(self, record: ModelRecord, options: EngineOptions) -> None:
        self.record = record
        self.options = options
        self._load_lock = threading.Lock()
        self._loaded = False

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._loaded

    def load(self) -> None:
        """Bring the weights into memory; the second caller waits for the first."""
        with self._load_lock:
            if not self._loaded:
                self._load()
                self._loaded = True

    @abstractmethod
    def _load(self) -> None:
        """Read the files; called once."""


class ChatEngine(Engine):
    """Generates text."""

    @abstractmethod
    def chat(self, call: ChatCall, emit: Emit) -> ChatOutcome:
        """Generate an answer, giving each piece of text to `emit` as it comes.

        Raises:
            ContextOverflow: the prompt does not fit. UnsupportedParameter: this engine cannot honour a field.
        """


class EmbeddingEngine(Engine):
    """Turns texts into vectors."""

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Embedded:
        """Unit vectors of the texts; texts over the model's length are cut."""


class ClassifierEngine(Engine):
    """Gives each text a class."""

    @abstractmethod
    def classify(self, texts: Sequence[str]) -> Classified:
        """Label and class probabilities of each text."""
