"""How long a training will take, in words. Measured on one CPU thread with the bundled models."""

from __future__ import annotations

from apps.training.types import TrainingMethod

HEAD_START_S = 8.0
HEAD_ROW_S = 0.025
LORA_START_S = 45.0
LORA_ROW_S = 0.6
LORA_MAX_ROWS = 240


def estimate_s(method: TrainingMethod, rows: int) -> float:
    """Seconds on the bundled runner for a dataset of so many rows."""
    if method is TrainingMethod.HEAD:
        return HEAD_START_S + HEAD_ROW_S * rows
    return LORA_START_S + LORA_ROW_S * min(rows, LORA_MAX_ROWS)


def duration_words(seconds: float) -> str:
    """Rounded as people say it: "10 s", "1 min", "2 h"."""
    if seconds < 55:
        return f"{max(5, 5 * round(seconds / 5))} s"
    if seconds < 55 * 60:
        return f"{max(1, round(seconds / 60))} min"
    return f"{max(1, round(seconds / 3600))} h"
