"""Short prompts for small models: instruction, a few sentences of the passages, the question.

A model of 135 million parameters loses the thread in long prompts, and on a processor every prompt token costs time
before the first word. So not the passages go in but their best sentences, within a fixed budget.
"""

from __future__ import annotations

from collections.abc import Sequence

from apps.agents.errors import PromptTooLong
from apps.agents.types import MAX_QUESTION_TOKENS, AgentConfig, Label, Source, Tone, Turn
from apps.knowledge.chunking import estimate_tokens
from apps.knowledge.sentences import sentence_spans

PASSAGE_BUDGET_TOKENS = 320
HISTORY_BUDGET_TOKENS = 160
MAX_HISTORY_TURNS = 4

_TONES = {
    Tone.FRIENDLY: "Be friendly and brief.",
    Tone.PRECISE: "Be precise and brief.",
    Tone.FORMAL: "Be formal and brief.",
    Tone.PATIENT: "Be patient and use simple words.",
}


def check_question(question: str) -> None:
    """Refuse what does not fit in the context.

    Raises:
        PromptTooLong: with the estimated and the allowed number of tokens.
    """
    tokens = estimate_tokens(question)
    if tokens > MAX_QUESTION_TOKENS:
        raise PromptTooLong(tokens, MAX_QUESTION_TOKENS)


def instructions(config: AgentConfig) -> str:
    """The system message."""
    return f"You are {config.name}. {config.job} {config.instruction} {_TONES[config.tone]}"


def user_prompt(question: str, sources: Sequence[Source], label: Label | None) -> str:
    """The last message: passages with their numbers, the classifier's decision, the question."""
    parts: list[str] = []
    if sources:
        parts.append("Passages:\n" + "\n".join(_excerpts(sources)))
    if label is not None:
        parts.append(f"A classifier says: {label.label} ({label.confidence:.0%} sure).")
    if not parts:
        return question
    ask = "Answer in at most three sentences, only from the passages, and name the passage like [1]."
    return "\n\n".join([*parts, f"Question: {question}\n{ask if sources else ''}".strip()])


def recent(history: Sequence[Turn]) -> list[Turn]:
    """The last turns that fit in the budget, oldest first, beginning with a question."""
    kept: list[Turn] = []
    budget = HISTORY_BUDGET_TOKENS
    for turn in reversed(history[-MAX_HISTORY_TURNS:]):
        budget -= estimate_tokens(turn.text)
        if budget < 0:
            break
        kept.insert(0, turn)
    while kept and kept[0].role != "user":
        kept.pop(0)
    return kept


def _excerpts(sources: Sequence[Source]) -> list[str]:
    """`[n] sentences`, the best sources first, until the budget is spent."""
    lines: list[str] = []
    budget = PASSAGE_BUDGET_TOKENS
    for source in sources:
        text = _around_quote(source, budget)
        if not text:
            break
        budget -= estimate_tokens(text)
        lines.append(f"[{source.number}] {text}")
    return lines


def _around_quote(source: Source, budget: int) -> str:
    """The quoted sentence with what follows and precedes it, as far as a third of the whole budget goes."""
    limit = min(budget, PASSAGE_BUDGET_TOKENS // 2 if source.number == 1 else PASSAGE_BUDGET_TOKENS // 4)
    spans = sentence_spans(source.text)
    if not spans or limit < 20:
        return ""
    anchor = max(source.text.find(source.quote), 0) if source.quote else 0
    first = next((index for index, (_, end) in enumerate(spans) if end > anchor), 0)
    low = high = first
    while True:
        wider = (low, high + 1) if high + 1 < len(spans) else (low - 1, high)
        if wider[0] < 0 or estimate_tokens(source.text[spans[wider[0]][0] : spans[wider[1]][1]]) > limit:
            break
        low, high = wider
    return _cut(" ".join(source.text[spans[low][0] : spans[high][1]].split()), limit)


def _cut(text: str, limit: int) -> str:
    """One sentence alone can be longer than the limit (code, tables)."""
    tokens = estimate_tokens(text)
    return text if tokens <= limit else text[: len(text) * limit // tokens].rsplit(" ", 1)[0]
