"""Writes of training."""

from apps.training.services.completion import complete_run, end_run
from apps.training.services.runs import cancel_run, classify_texts, start_run

__all__ = ["cancel_run", "classify_texts", "complete_run", "end_run", "start_run"]
