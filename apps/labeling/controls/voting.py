"""Bounds of what a vote can tell."""

from __future__ import annotations

#: No number of answers makes an item certain: that annotators err independently is never quite true.
MAX_CONFIDENCE = 0.999
_LEAST_ACCURACY = 0.01


def within(accuracy: float) -> float:
    """An annotator's accuracy kept away from 0 and 1, where one answer would outweigh all others."""
    return min(max(accuracy, _LEAST_ACCURACY), 1 - _LEAST_ACCURACY)
