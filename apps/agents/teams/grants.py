"""What a caller lets a callee do. A grant is a value that can only shrink on its way down a chain of delegations.

Each limit is a number, a set or a moment; None is no limit of that kind. Grants form a lattice: `narrow` is the
greatest lower bound, so whatever a chain of delegations asks for, the last grant allows nothing that an earlier one
does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from apps.agents.errors import GrantExceeded

T = TypeVar("T", int, datetime)
K = TypeVar("K", str, UUID)


@dataclass(frozen=True)
class Grant:
    """The limits of one call.

    Attributes:
        tokens: prompt and answer together, of this call and of all that it calls.
        tool_calls: likewise.
        depth: how many further levels of agents it may call.
        expires_at: from then on nothing may be done.
        knowledge_base_ids: what may be searched, of what the agent's own version names.
        tools: names of the tools that may be called, of what the agent's own version names.
    """

    tokens: int | None = None
    tool_calls: int | None = None
    depth: int | None = None
    expires_at: datetime | None = None
    knowledge_base_ids: frozenset[UUID] | None = None
    tools: frozenset[str] | None = None

    def narrow(self, wanted: Grant) -> Grant:
        """The smaller of both in every respect."""
        return Grant(
            tokens=_least(self.tokens, wanted.tokens),
            tool_calls=_least(self.tool_calls, wanted.tool_calls),
            depth=_least(self.depth, wanted.depth),
            expires_at=_least(self.expires_at, wanted.expires_at),
            knowledge_base_ids=_both(self.knowledge_base_ids, wanted.knowledge_base_ids),
            tools=_both(self.tools, wanted.tools),
        )

    def delegate(self, wanted: Grant | None = None) -> Grant:
        """What a callee gets: the smaller of this and the wanted, one level less deep.

        Raises:
            GrantExceeded: no further level is allowed.
        """
        if self.depth is not None and self.depth <= 0:
            raise GrantExceeded("delegation_too_deep", "This agent may not call another one: the chain is too deep.")
        below = Grant(depth=None if self.depth is None else self.depth - 1)
        return self.narrow(below if wanted is None else wanted.narrow(below))

    def spend(self, *, tokens: int = 0, tool_calls: int = 0) -> Grant:
        """What is left after a part was used; never below nothing."""
        return self.narrow(
            Grant(
                tokens=None if self.tokens is None else max(0, self.tokens - max(0, tokens)),
                tool_calls=None if self.tool_calls is None else max(0, self.tool_calls - max(0, tool_calls)),
            )
        )

    def is_within(self, other: Grant) -> bool:
        """Whether this allows nothing that the other does not."""
        return self.narrow(other) == self

    def allows_tool(self, name: str) -> bool:
        """Whether this tool may be called at all."""
        return self.tools is None or name in self.tools

    def knowledge(self, ids: Iterable[UUID]) -> tuple[UUID, ...]:
        """Those of the knowledge bases that may be searched."""
        return tuple(one for one in ids if self.knowledge_base_ids is None or one in self.knowledge_base_ids)

    def require_alive(self, now: datetime) -> None:
        """Refuse what comes too late.

        Raises:
            GrantExceeded: the time is over.
        """
        if self.expires_at is not None and now >= self.expires_at:
            raise GrantExceeded("grant_expired", "The time for this run is over.")

    def answer_tokens(self, *, prompt_tokens: int, wanted: int) -> int:
        """How long an answer may be after a prompt of that length.

        Raises:
            GrantExceeded: not even the prompt fits.
        """
        if self.tokens is None:
            return wanted
        left = self.tokens - prompt_tokens
        if left < 1:
            message = f"The token budget is spent: {self.tokens} are left, the prompt alone takes {prompt_tokens}."
            raise GrantExceeded("budget_exceeded", message, left=self.tokens, needed=prompt_tokens)
        return min(wanted, left)

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON column; limits that there are not are left out."""
        bases, tools = self.knowledge_base_ids, self.tools
        plain: dict[str, Any] = {
            "tokens": self.tokens,
            "tool_calls": self.tool_calls,
            "depth": self.depth,
            "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
            "knowledge_base_ids": None if bases is None else sorted(map(str, bases)),
            "tools": None if tools is None else sorted(tools),
        }
        return {key: value for key, value in plain.items() if value is not None}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Grant:
        """The inverse of `as_json`."""
        bases, tools, expires = value.get("knowledge_base_ids"), value.get("tools"), value.get("expires_at")
        return cls(
            tokens=value.get("tokens"),
            tool_calls=value.get("tool_calls"),
            depth=value.get("depth"),
            expires_at=None if expires is None else datetime.fromisoformat(expires),
            knowledge_base_ids=None if bases is None else frozenset(UUID(one) for one in bases),
            tools=None if tools is None else frozenset(tools),
        )


EVERYTHING = Grant()
"""No limit beyond the agent's own."""


def _least(first: T | None, second: T | None) -> T | None:
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)


def _both(first: frozenset[K] | None, second: frozenset[K] | None) -> frozenset[K] | None:
    if first is None or second is None:
        return second if first is None else first
    return first & second
