"""What an answer has come to while it is given."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from apps.agents.runtime import Prepared, Written
from apps.agents.types import FinishReason, Paused, Source, Step


@dataclass
class Progress:
    """What an answer has come to, so that it can be kept when the reader goes away.

    Attributes:
        stop: set when the reader has stopped the answer.
        by_tools: the words are a tool's or a team's, not the model's about the found passages.
        members: the passages that a team's members cite; None where no team answers.
    """

    started: float
    text: str = ""
    shown: str = ""
    first_token_s: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish: FinishReason = FinishReason.CANCELLED
    problem: str = ""
    prepared: Prepared | None = None
    is_written: bool = False
    by_tools: bool = False
    paused: Paused | None = None
    steps: list[Step] = field(default_factory=list)
    stop: asyncio.Event | None = None
    members: tuple[Source, ...] | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether the reader has stopped it."""
        return self.stop is not None and self.stop.is_set()

    def note_words(self, words: str) -> None:
        """Some more words have come."""
        if self.first_token_s is None:
            self.first_token_s = time.monotonic() - self.started
        self.text += words

    def note_written(self, written: Written) -> None:
        """The model has ended."""
        self.prompt_tokens, self.completion_tokens = written.prompt_tokens, written.completion_tokens
        self.finish, self.is_written = written.finish, True
