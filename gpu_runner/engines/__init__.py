"""Engines by name, behind one interface; each is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from gpu_runner.engines.base import Engine, EngineName, EngineOptions, ModelRecord

Resolve = Callable[[str], Engine]
"""Gives an engine the (loaded) engine of another model, e.g. of its base."""

_MODULES = {name: f"gpu_runner.engines.{name.value}" for name in EngineName}


def create_engine(record: ModelRecord, options: EngineOptions, resolve: Resolve) -> Engine:
    """The engine object of a model; nothing heavy happens before its `load`."""
    create: Callable[[ModelRecord, EngineOptions, Resolve], Engine] = import_module(_MODULES[record.engine]).create
    return create(record, options, resolve)
