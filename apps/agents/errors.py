"""What can go wrong with agents, with stable codes."""

from __future__ import annotations

from apps.core.errors import Conflict, InvalidInput, NotFound, PaymentRequired


class AgentNotFound(NotFound):
    """No such agent for this caller."""

    def __init__(self, name: str) -> None:
        super().__init__("agent_not_found", f"There is no agent {name} that you may use.", agent=name)


class PromptTooLong(InvalidInput):
    """The message does not fit in the model's context."""

    def __init__(self, tokens: int, limit: int) -> None:
        message = f"The message is about {tokens} tokens long; this agent reads up to {limit}. Shorten it."
        super().__init__(
            "prompt_too_long", message, tokens=tokens, limit=limit, errors=[{"field": "messages", "message": message}]
        )


class NotReadyToPublish(Conflict):
    """Something is missing; `missing` lists what and where to put it right."""


class LicenceRequired(PaymentRequired):
    """The caller's organisation holds no right to use the agent; `buy_url` sells it."""
