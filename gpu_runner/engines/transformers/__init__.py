"""Chat and label scoring through PyTorch: any causal language model, with or without a LoRA adapter."""

from __future__ import annotations

from gpu_runner.engines import Resolve
from gpu_runner.engines.base import Engine, EngineOptions, ModelRecord
from gpu_runner.engines.transformers.adapter import AdapterEngine
from gpu_runner.engines.transformers.engine import TransformersEngine
from gpu_runner.protocol import ModelKind


def create(record: ModelRecord, options: EngineOptions, resolve: Resolve) -> Engine:
    """An adapter shares the weights of its base's engine; anything else is a whole model."""
    if record.kind is ModelKind.ADAPTER:
        return AdapterEngine(record, options, resolve)
    return TransformersEngine(record, options)
