"""Chat through llama.cpp inside this process (xllamacpp): the default on a CPU, with continuous batching."""

from __future__ import annotations

from gpu_runner.engines import Resolve
from gpu_runner.engines.base import EngineOptions, ModelRecord
from gpu_runner.engines.llamacpp.engine import LlamaCppEngine


def create(record: ModelRecord, options: EngineOptions, _resolve: Resolve) -> LlamaCppEngine:
    """Engine of a GGUF directory."""
    return LlamaCppEngine(record, options)
