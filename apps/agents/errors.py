"""What can go wrong with agents, with stable codes."""

from __future__ import annotations

from uuid import UUID

from apps.core.errors import Conflict, InvalidInput, NotFound, NotPermitted, PaymentRequired, RateLimited


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


class EditConflict(Conflict):
    """Somebody changed the draft meanwhile: `revision` is the newest, `changes` lists what is different and by whom."""


class ApprovalNeeded(Conflict):
    """A step's call with side effects waits for a person; the step goes on when it is begun again after that."""

    def __init__(self, approval_id: str, tool: str, arguments: dict[str, object]) -> None:
        message = f"{tool} waits for approval."
        super().__init__("approval_needed", message, approval_id=approval_id, tool=tool, arguments=arguments)


class BudgetSpent(RateLimited):
    """The agent's budget of the day is used up."""

    retryable = False


class LicenceRequired(PaymentRequired):
    """The caller's organisation holds no right to use the agent; `buy_url` sells it."""


class GrantExceeded(NotPermitted):
    """The caller of this agent allowed less than it would need."""


class EffectUncertain(Conflict):
    """A call that changes something outside was begun and its end is not known; a person must look.

    `organisation_id`: whose row of the call it is, the owner's of the agent that made it.
    """

    def __init__(self, tool: str, effect_id: str, organisation_id: UUID) -> None:
        self.organisation_id = organisation_id
        message = f"{tool} was called and it is not known whether it took effect. Look there, then say what happened."
        super().__init__("effect_uncertain", message, tool=tool, effect_id=effect_id)


class TeamNotFound(NotFound):
    """No such team for this caller."""

    def __init__(self) -> None:
        super().__init__("team_not_found", "There is no such team.")


class TeamRunNotFound(NotFound):
    """No such run for this caller."""

    def __init__(self) -> None:
        super().__init__("team_run_not_found", "There is no such run of a team.")


class ConversationBusy(Conflict):
    """Another answer is being given in the conversation; `answer` can be followed."""

    def __init__(self, answer: str) -> None:
        message = "An answer is being written in this conversation, perhaps in another tab. Wait for it or stop it."
        super().__init__("conversation_busy", message, answer=answer)


def unsupported(field: str, message: str) -> InvalidInput:
    """A wish of the caller that this agent cannot fulfil."""
    return InvalidInput("unsupported_parameter", message, errors=[{"field": field, "message": message}])
