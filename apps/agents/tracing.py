"""What was done for an answer, step by step, for its trace page."""

from __future__ import annotations

from apps.agents.prompting import instructions, recent, user_prompt
from apps.agents.runtime import Found, Prepared
from apps.agents.types import READ, Answer, Step, Turn


def search_step(found: Found, seconds: float) -> Step:
    """The search, with the scores of what it found."""
    passages = [
        {
            "place": passage.place,
            "score": passage.score,
            "similarity": passage.similarity,
            "words": passage.coverage,
        }
        for passage in found.passages
    ]
    documents = list(dict.fromkeys(str(passage.document_id) for passage in found.passages))
    detail: dict[str, object] = {"query": found.query, "passages": passages, READ: documents}
    if found.label is not None:
        detail["label"] = found.label.as_json()
    return Step("search", "Look up", round(seconds, 4), detail)


def read_step(prepared: Prepared, seconds: float) -> Step:
    """The choice of the sentences that answer best."""
    quotes = [{"number": source.number, "quote": source.quote} for source in prepared.sources if source.quote]
    return Step("read", "Choose sentences", round(seconds, 4), {"quotes": quotes})


def answer_step(prepared: Prepared | None, answer: Answer, before_s: float, money: dict[str, object]) -> Step:
    """The writing, or why there was none; `before_s` is what the steps before it took of the answer's time, `money`
    what the model took."""
    if prepared is None or prepared.ready is not None:
        name = "Answer without a model"
    else:
        name = f"Write with {prepared.model.name}"
    detail = {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "first_token_s": answer.first_token_s,
        "finish": str(answer.finish),
        "supported": answer.is_supported,
        **money,
    }
    seconds = round(max(answer.seconds - before_s, 0.0), 4)
    return Step("answer" if prepared is None or prepared.ready is not None else "model", name, seconds, detail)


def prompt_of(prepared: Prepared) -> tuple[Turn, ...]:
    """The messages as the model sees them."""
    return (
        Turn("system", instructions(prepared.config)),
        *recent(prepared.history),
        Turn("user", user_prompt(prepared.question, prepared.sources, prepared.label)),
    )
