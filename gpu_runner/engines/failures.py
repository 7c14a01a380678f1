"""Translation of what libraries raise into the runner's typed errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gpu_runner.errors import OutOfMemory, RunnerError, UnsupportedModel

_MEMORY_MARKS = ("can't allocate memory", "out of memory", "failed to allocate", "cannot allocate memory")


@contextmanager
def typed_failures(doing: str) -> Iterator[None]:
    """Memory trouble becomes `OutOfMemory` (retryable); unreadable or unfit files become `UnsupportedModel`."""
    try:
        yield
    except RunnerError:
        raise
    except MemoryError as error:
        raise OutOfMemory(f"There is not enough memory for {doing}.") from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        if any(mark in str(error).lower() for mark in _MEMORY_MARKS):
            raise OutOfMemory(f"There is not enough memory for {doing}.") from error
        raise UnsupportedModel(f"{doing} failed: {str(error)[:300]}") from error
