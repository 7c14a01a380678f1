"""An agent's model, guard rails and budget in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from apps.agents.prices import dollars
from apps.agents.specs import Budget, EndpointModel, GuardRails, RunnerModel, TeamModel
from apps.agents.types import AgentConfig

LANGUAGES = {
    "": "Any",
    "ar": "Arabic",
    "zh": "Chinese",
    "nl": "Dutch",
    "en": "English",
    "fr": "French",
    "de": "German",
    "it": "Italian",
    "ja": "Japanese",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "es": "Spanish",
    "tr": "Turkish",
    "uk": "Ukrainian",
}
UNSUPPORTED = {
    "mark": "Are marked",
    "drop": "Are left out",
    "keep": "Stay as they are",
}


def limit_words(config: AgentConfig) -> list[str]:
    """One line for each thing that is not as it always is, and the budget."""
    return [*_model(config), *_guard(config.guard), *_budget(config.budget)]


def _model(config: AgentConfig) -> Iterator[str]:
    match config.model:
        case EndpointModel(name=name):
            yield f"Answers are written by {name}, behind a connection of yours."
        case TeamModel():
            yield "Answers are given by a team; each of its members has a model of its own."
        case RunnerModel(name=name):
            yield f"Answers are written by {name}, on the platform's runner."


def _guard(guard: GuardRails) -> Iterator[str]:
    if guard.refused_topics:
        yield f"It declines questions about {'; '.join(guard.refused_topics)}."
    if guard.mask_input:
        yield "Personal data in questions is masked before the model sees it."
    if guard.mask_output:
        yield "Personal data in answers is masked."
    if guard.must_cite:
        yield "An answer without a cited passage is replaced by the documents' own words."
    if guard.max_characters:
        yield f"Answers end after {guard.max_characters:,} characters."
    if guard.language:
        yield f"Answers are in {LANGUAGES.get(guard.language, guard.language)}."
    if guard.unsupported == "drop":
        yield "Sentences that no passage carries are left out."
    if guard.unsupported == "keep":
        yield "Sentences that no passage carries stay unmarked."


def _budget(budget: Budget) -> Iterator[str]:
    money = f", {dollars(budget.max_micro_usd)}" if budget.max_micro_usd else ""
    yield (
        f"One answer takes at most {budget.max_tokens:,} tokens, {budget.max_tool_calls} tool calls, "
        f"{budget.max_seconds} seconds{money}."
    )
    day = [f"{budget.day_tokens:,} tokens"] if budget.day_tokens else []
    day += [dollars(budget.day_micro_usd)] if budget.day_micro_usd else []
    if day:
        yield f"One day takes at most {' and '.join(day)}; then it answers again from midnight UTC."
