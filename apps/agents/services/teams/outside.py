"""Steps whose text leaves the platform: posted to an address, or asked of a foreign agent. Each happens once."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync

from apps.agents.services.effects import EffectNotMade, once
from apps.agents.services.teams.work import Claimed, Outcome
from apps.agents.tools import foreign_agents
from apps.agents.tools.base import ToolFailed
from apps.agents.tools.toolbox import reach_of
from apps.core import fetching
from apps.core.errors import DependencyFailed, InvalidInput
from apps.core.turns import away
from apps.knowledge.chunking import estimate_tokens

MAX_ANSWER_BYTES = 20_000
ALLOW_LOOPBACK = False
"""Tests send to a server of their own."""


def send(claimed: Claimed) -> Outcome:
    """POST the text to an address."""
    url = claimed.node.url
    body = {"text": claimed.text, "question": claimed.question, "step": str(claimed.step_id)}

    def call(key: str) -> dict[str, Any]:
        with fetching.session(allow_loopback=ALLOW_LOOPBACK) as opened:
            target = io.BytesIO()
            try:
                fetching.post_json(
                    opened,
                    url,
                    body,
                    target,
                    max_bytes=MAX_ANSWER_BYTES,
                    headers={"Idempotency-Key": key},
                    accepted=range(200, 300),
                )
            except fetching.FetchFailed as error:
                if error.is_unheard:
                    raise EffectNotMade(error) from error
                raise
        return {"answer": target.getvalue().decode(errors="replace").replace("\x00", "")}

    result = once(
        organisation_id=claimed.organisation_id,
        scope=claimed.scope,
        tool=f"POST {url}"[:200],
        arguments={"url": url, **body},
        call=call,
    )
    said = result.get("answer", "") if isinstance(result, dict) else str(result)
    return Outcome(text=claimed.text, label=claimed.label, notes={"answer": said[:2000]})


def ask_foreign_agent(claimed: Claimed) -> Outcome:
    """A foreign agent's answer to the text. It may do no more than the step, and a level less.

    Raises:
        DomainError: it refuses, or is not there any more.
        EffectUncertain: nobody knows whether it was asked.
    """
    granted = claimed.grant.delegate()
    question = claimed.text[: foreign_agents.MAX_QUESTION_CHARACTERS]

    def call(key: str) -> str:
        try:
            reach, _ = reach_of(claimed.organisation_id, UUID(claimed.node.connection))
            with away():
                return async_to_sync(foreign_agents.ask)(reach, question, granted, key)
        except ToolFailed as error:
            if error.is_untouched:
                raise EffectNotMade(InvalidInput("tool_failed", error.message)) from error
            raise DependencyFailed("tool_failed", error.message) from error

    said = once(
        organisation_id=claimed.organisation_id,
        scope=claimed.scope,
        tool=f"ask {claimed.node.connection}",
        arguments={"question": question},
        call=call,
    )
    text = str(said)
    return Outcome(text=text, prompt_tokens=estimate_tokens(question), completion_tokens=estimate_tokens(text))
