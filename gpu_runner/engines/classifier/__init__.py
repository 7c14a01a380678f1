"""Classification by a linear head on sentence embeddings."""

from __future__ import annotations

from gpu_runner.engines import Resolve
from gpu_runner.engines.base import EngineOptions, ModelRecord
from gpu_runner.engines.classifier.engine import LinearHeadEngine


def create(record: ModelRecord, options: EngineOptions, resolve: Resolve) -> LinearHeadEngine:
    """Engine of a registered head; its base must be an embedding model."""
    return LinearHeadEngine(record, options, resolve)
