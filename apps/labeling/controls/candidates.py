"""The candidates that ranking and preference compare: an input of type `candidates`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.labeling.controls.base import AnswerProblem


def candidate_keys(data: Mapping[str, Any], name: str) -> list[str]:
    """The keys of a task's candidates, in the order shown. Raises AnswerProblem where the task has none."""
    given = data.get(name)
    if not isinstance(given, list) or not given:
        raise AnswerProblem(f"The task has no candidates in “{name}”; flag it.")
    return [str(one["key"]) for one in given]
