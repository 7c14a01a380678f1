"""Answers that outlive their connection: written into a log, read by any number of tabs, resumed, stopped."""

from apps.agents.streaming.log import BEGINNING, LoggedEvent, answering_in, ask_to_stop, check_owner, expect
from apps.agents.streaming.running import begin, follow, given, go_on, start

__all__ = [
    "BEGINNING",
    "LoggedEvent",
    "answering_in",
    "ask_to_stop",
    "begin",
    "check_owner",
    "expect",
    "follow",
    "given",
    "go_on",
    "start",
]
