"""One answer with tools: what may be called, what was called, and what it cost.

A small model's tool is picked and filled in two stages (`tools.picking`) and its result is the answer. A model behind
an endpoint calls tools itself, through pydantic-ai, until its budget ends (`tools.strong`).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from asgiref.sync import sync_to_async
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from apps.agents.errors import GrantExceeded
from apps.agents.output.rules import OutputRules
from apps.agents.runtime import Prepared, Written
from apps.agents.services.approvals import ask_for_approval, call_in_step
from apps.agents.specs import EndpointModel, RemoteTool, ToolSpec
from apps.agents.teams.grants import EVERYTHING, Grant
from apps.agents.tools import picking, strong
from apps.agents.tools.base import CallWaits, Offered, ToolFailed, call_within_limits
from apps.agents.tools.openapi import Reach
from apps.agents.tools.toolbox import Workshop, offered, reach_of
from apps.agents.types import (
    READ,
    AnswerMode,
    CallState,
    ChatApproval,
    ChatTarget,
    FinishReason,
    Paused,
    PendingCallInfo,
    Resumed,
    Step,
)
from apps.core.errors import DomainError
from apps.knowledge import selectors as knowledge
from apps.tenancy.types import Actor

MAX_DEPTH = 3
"""Levels of agents that ask agents, where no grant says otherwise."""

REFUSED = "The user did not allow this call, and it was not made. Answer without it."
"""What a model is told of a refusal."""

Piece = str | Written | ChatApproval | Paused | Step
AskAgent = Callable[[str, str, Grant], Awaitable[str]]
"""Asks another agent (slug, question) within a grant."""


@dataclass
class ToolRun:
    """The calls of one answer. Every call goes through `call`, whoever wants it."""

    actor: Actor
    target: ChatTarget
    prepared: Prepared
    ask_agent: AskAgent
    rules: OutputRules
    conversation_id: Any = None
    resumed: Resumed | None = None
    traced: list[Step] = field(default_factory=list)
    approvals: list[ChatApproval] = field(default_factory=list)
    calls: int = 0
    read: list[str] = field(default_factory=list)

    @property
    def is_strong(self) -> bool:
        """Whether the model calls tools by itself."""
        return isinstance(self.target.config.model, EndpointModel)

    def calls_left(self) -> int:
        """How many calls the budget and the caller's grant still allow."""
        allowed = self.target.config.budget.max_tool_calls
        granted = self.target.grant.tool_calls
        return max(0, (allowed if granted is None else min(allowed, granted)) - self.calls)

    async def tools(self) -> list[Offered]:
        """What the model may call: the configuration's tools that the grant allows and that are there."""
        config, grant = self.target.config, self.target.grant
        specs = [spec for spec in config.tools if grant.allows_tool(spec.name)]
        shop = Workshop(self.target.owner_id, self._ask, self._search, self._delegated, self.is_strong)
        found, problems = await offered(specs, shop)
        self.traced += [Step("tool", problem.split(":")[0], 0.0, {"problem": problem}) for problem in problems]
        return found

    async def call(self, tool: Offered, arguments: dict[str, Any]) -> str:
        """The result of one call, traced; what waits for approval outside of a conversation says so.

        Raises:
            ToolFailed: it gave no result.
            CallWaits: it waits for approval, and the answer with it.
            ApprovalNeeded, EffectUncertain: within a team's step.
        """
        started = time.monotonic()
        detail: dict[str, Any] = {"arguments": arguments}
        asked = len(self.approvals)
        try:
            result = await self._called(tool, arguments)
            detail["result"] = result
            detail[READ], self.read = self.read, []
        except (ToolFailed, DomainError) as error:
            detail["problem"] = error.message
            raise
        finally:
            if len(self.approvals) > asked:
                detail["approval"] = str(self.approvals[-1].approval_id)
            seconds = round(time.monotonic() - started, 3)
            self.traced.append(Step("tool", tool.name, seconds, detail))
        return result

    async def _called(self, tool: Offered, arguments: dict[str, Any]) -> str:
        if self.calls_left() < 1:
            raise ToolFailed("No further tool may be called: the budget of calls is spent.", is_untouched=True)
        self.calls += 1
        _require_valid(tool, arguments)
        if self.rules.tells(arguments):
            raise ToolFailed("It was not called: the arguments hold what must not leave.", is_untouched=True)
        if not tool.has_effects:
            return await call_within_limits(tool, arguments, "", self._patience(tool))
        spec = self._spec_of(tool)
        if self.target.effect_scope:
            return await sync_to_async(call_in_step)(
                actor=self.actor, target=self.target, spec=spec, tool=tool, arguments=arguments
            )
        if self.actor.user_id is None:
            raise ToolFailed(f"{tool.name} waits for a person's approval, and nobody is there.", is_untouched=True)
        asked = await sync_to_async(ask_for_approval)(
            actor=self.actor,
            target=self.target,
            conversation_id=self.conversation_id,
            spec=spec,
            tool=tool,
            arguments=arguments,
            delegated=self._delegated() if isinstance(spec, RemoteTool) else EVERYTHING,
        )
        self.approvals.append(ChatApproval(asked.id, tool.name, arguments))
        if self.conversation_id is not None:
            raise CallWaits(str(asked.id))
        return "Not called yet: this waits for the user's approval. Tell the user so."

    def _patience(self, tool: Offered) -> float:
        return min(tool.timeout_s, float(self.target.config.budget.max_seconds))

    def _spec_of(self, tool: Offered) -> ToolSpec:
        return next(spec for spec in self.target.config.tools if spec.name == tool.spec_name)

    async def _ask(self, slug: str, question: str) -> str:
        return await self.ask_agent(slug, question, self._delegated())

    def _delegated(self) -> Grant:
        """What an agent that is asked now may do: less than this one in every respect."""
        grant = self.target.grant
        wanted = Grant(
            tokens=self.target.config.budget.max_tokens,
            tool_calls=self.calls_left(),
            depth=MAX_DEPTH if grant.depth is None else None,
        )
        try:
            return grant.narrow(wanted).delegate()
        except GrantExceeded as error:
            raise ToolFailed(error.message, is_untouched=True) from None

    async def _search(self, query: str) -> str:
        config, prepared = self.target.config, self.prepared
        found = await sync_to_async(knowledge.search)(
            actor=Actor.system(self.target.owner_id),
            knowledge_base_ids=prepared.config.knowledge_base_ids,
            query=query[:2000],
            k=config.passages,
            document_ids=self.target.document_ids,
        )
        self.read += [str(one.document_id) for one in found]
        await sync_to_async(self.rules.add)(found)
        return "\n\n".join(f"{one.document}: {one.text}" for one in found) or "Nothing was found."


async def write_with_tools(run: ToolRun) -> AsyncIterator[Piece]:
    """The answer with tools: calls as they are made, words, approvals, then one `Written`. Nothing at all where a
    small model's question is for no tool (or it may not be called): it is then answered as without tools.
    `Paused` comes where the answer waits for approvals and goes on after them.

    Raises:
        DependencyFailed: the model does not answer.
        ApprovalNeeded, EffectUncertain: within a team's step.
    """
    tools = await run.tools()
    if run.resumed is not None:
        run.calls = run.resumed.paused.used_calls
        for step in _outcomes(run.resumed):
            yield step
        if not run.is_strong:
            for said in _told(run, run.resumed, tools):
                yield said
            return
        if run.resumed.prefix:
            yield run.resumed.prefix
    if run.is_strong:
        async with aclosing(_by_the_model(run, tools)) as pieces:  # type: ignore[type-var]  # an async generator
            async for piece in pieces:
                yield piece
        return
    if not tools or not run.calls_left():
        return
    async for piece in _in_two_stages(run, tools):
        yield piece


async def _in_two_stages(run: ToolRun, tools: list[Offered]) -> AsyncIterator[Piece]:
    started = time.monotonic()
    question = run.prepared.question
    picked = await picking.pick(question, tools)
    detail: dict[str, Any] = {"scores": picked.scores, "least": picking.PICK_AT}
    name = picked.tool.name if picked.tool is not None else "none"
    run.traced.append(Step("route", name, round(time.monotonic() - started, 3), detail))
    if picked.tool is None:
        for traced in run.traced:
            yield traced
        return
    tool, tokens = picked.tool, (run.prepared.question_tokens, 0)
    paused: Paused | None = None
    try:
        filled = await picking.fill(question, tool)
        tokens = (tokens[0] + filled.prompt_tokens, filled.completion_tokens)
        detail["arguments_by"] = filled.by
        result = await run.call(tool, filled.arguments)
        text = tool.render(filled.arguments, result) if tool.render is not None else _quoted(tool.name, result)
        if run.approvals:
            text = would_like([tool.name])
    except CallWaits as waits:
        text, paused = would_like([tool.name]), Paused("", {waits.call_id: waits.call_id}, [], run.calls)
    except ToolFailed as error:
        text = f"I tried {tool.name}, and it failed: {error.message}"
    for traced in run.traced:
        yield traced
    yield text
    for approval in run.approvals:
        yield approval
    if paused is not None:
        yield paused
    yield Written(*tokens, FinishReason.WAITING if paused is not None else FinishReason.STOP)


async def _reach(run: ToolRun, choice: EndpointModel) -> Reach:
    try:
        reach, _ = await sync_to_async(reach_of)(run.target.owner_id, choice.connection_id)
    except ToolFailed as error:
        raise strong.EndpointFailed(error.message) from error
    return reach


async def _by_the_model(run: ToolRun, tools: list[Offered]) -> AsyncIterator[Piece]:
    choice = run.target.config.model
    if not isinstance(choice, EndpointModel):
        raise TypeError("only a model behind an endpoint calls tools by itself")
    reach = await _reach(run, choice)
    reported, said = 0, run.resumed.prefix if run.resumed is not None else ""
    deferred: strong.Deferred | None = None
    talk = strong.converse(choice, reach, run.prepared, tools, run.call, run.calls_left(), _settled(run.resumed))
    async with aclosing(talk) as pieces:  # type: ignore[type-var]  # an async generator
        async for piece in pieces:
            for traced in run.traced[reported:]:
                yield traced
            reported = len(run.traced)
            if isinstance(piece, strong.Deferred):
                deferred = piece
                continue
            if isinstance(piece, str):
                said += piece
            elif deferred is not None:
                piece = replace(piece, finish=FinishReason.WAITING)
            yield piece
    if deferred is not None:
        if not said.strip():
            yield would_like([approval.tool for approval in run.approvals])
        yield Paused(said, deferred.calls, deferred.history, run.calls)
    for approval in run.approvals:
        yield approval


def would_like(tools: list[str]) -> str:
    """What is said where a model waits without a word of its own."""
    names = " and ".join(f"**{name}**" for name in dict.fromkeys(tools)) or "a tool"
    return f"I would like to call {names}. Please look at what is sent and allow it or not."


def _settled(resumed: Resumed | None) -> strong.Settled | None:
    if resumed is None:
        return None
    results = {
        name: strong.result_of(call.tool, REFUSED if call.state is CallState.REFUSED else _came(call))
        for name, call in resumed.outcomes.items()
    }
    return strong.Settled(resumed.paused.history, results)


def _came(call: PendingCallInfo) -> str:
    return call.result if call.state is CallState.DONE else f"failed: {call.result}"


def _outcomes(resumed: Resumed) -> list[Step]:
    """What became of the calls that the answer has waited for."""
    found = []
    for call in resumed.outcomes.values():
        is_done, is_refused = call.state is CallState.DONE, call.state is CallState.REFUSED
        came = {"result": call.result} if is_done else {"problem": "You refused it." if is_refused else call.result}
        found.append(Step("tool", call.tool, 0.0, {"arguments": call.arguments, **came, "approval": str(call.id)}))
    return found


def _told(run: ToolRun, resumed: Resumed, tools: list[Offered]) -> list[Piece]:
    """The answer of a small model after the decision: what came back. Nothing after a refusal."""
    (call,) = resumed.outcomes.values()
    if call.state is CallState.REFUSED:
        return []
    tool = next((item for item in tools if item.name == call.tool), None)
    if call.state is not CallState.DONE:
        text = f"I tried {call.tool}, and it failed: {call.result}"
    elif tool is not None and tool.render is not None:
        text = tool.render(call.arguments, call.result)
    else:
        text = _quoted(call.tool, call.result)
    return [text, Written(0, 0, FinishReason.STOP)]


def needs_tools(target: ChatTarget) -> bool:
    """Whether an answer goes through `write_with_tools`."""
    config = target.config
    return config.mode is AnswerMode.GENERATE and bool(config.tools or isinstance(config.model, EndpointModel))


def _require_valid(tool: Offered, arguments: dict[str, Any]) -> None:
    """Refuse arguments that do not fit the schema, which for a foreign tool is a stranger's."""
    try:
        error = next(iter(Draft202012Validator(tool.schema).iter_errors(arguments)), None)
    except (SchemaError, RecursionError, ValueError, TypeError):
        raise ToolFailed(f"The schema of {tool.name} cannot be read.", is_untouched=True) from None
    if error is not None:
        place = ".".join(str(part) for part in error.absolute_path) or "arguments"
        raise ToolFailed(f"{place}: {error.message[:200]}", is_untouched=True)


def _quoted(tool: str, result: str) -> str:
    """A result without a form of its own, as a block that nothing in it can leave."""
    safe = result[:1500].replace("```", "'''")
    return f"{tool} answered:\n\n```\n{safe}\n```"
