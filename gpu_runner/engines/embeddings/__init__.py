"""Sentence embeddings with mean pooling over a transformers encoder."""

from __future__ import annotations

from gpu_runner.engines import Resolve
from gpu_runner.engines.base import EngineOptions, ModelRecord
from gpu_runner.engines.embeddings.engine import MeanPoolingEngine


def create(record: ModelRecord, options: EngineOptions, _resolve: Resolve) -> MeanPoolingEngine:
    """Engine of a sentence-embedding directory."""
    return MeanPoolingEngine(record, options)
