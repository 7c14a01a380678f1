"""A run goes on: what follows a finished step is decided and stored in the transaction that stores its result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from apps.agents.errors import GrantExceeded
from apps.agents.events import TeamRunEnded, TeamStepQueued
from apps.agents.models import TeamRun, TeamStep
from apps.agents.teams.flow import filled, joined, loop_way, must_wait, way_by_label, way_by_words
from apps.agents.teams.grants import Grant
from apps.agents.teams.types import (
    AGAIN,
    MAX_STEPS,
    NO_TOOLS,
    OPEN_STEPS,
    Edge,
    Graph,
    Node,
    NodeKind,
    RouteBy,
    RunState,
    StepState,
)
from apps.core import clock, live, outbox
from apps.core.errors import Conflict

LEAST_TOKENS = 16
_SPENDING = (NodeKind.AGENT, NodeKind.SUPERVISOR, NodeKind.REMOTE)
_QUIET = (StepState.WAITING, StepState.UNCERTAIN, StepState.GATHERING)


class Advance:
    """One transaction's work on one run, whose row the caller has locked."""

    def __init__(self, run: TeamRun) -> None:
        self.run = run
        self.graph = Graph.from_json(run.graph)

    def start(self) -> None:
        """The question enters the graph."""
        node = next(node for node in self.graph.nodes if node.kind is NodeKind.INPUT)
        step = self._step(node, self.run.question, {}, state=StepState.SUCCEEDED, output=self.run.question)
        self.follow(step)

    def follow(self, step: TeamStep, ways: Sequence[Edge] | None = None) -> None:
        """What comes after a step that has succeeded: along all its ways, or along the chosen ones."""
        arrivals: list[tuple[Node, TeamStep]] = []
        self._arrive(step, self.graph.out(step.node) if ways is None else ways, arrivals)
        new: list[TeamStep] = []
        while True:
            while arrivals:
                node, came = arrivals.pop(0)
                entered = self._enter(node, came, arrivals)
                new += [entered] if entered is not None else []
            gathered = self._gathered()
            if gathered is None:
                break
            self._arrive(gathered, self.graph.out(gathered.node), arrivals)
        self.queue(new)
        self.conclude()

    def queue(self, steps: Sequence[TeamStep]) -> None:
        """Give each its part of what is left of the budget, and ask for workers."""
        spending = [step for step in steps if NodeKind(step.kind) in _SPENDING and step.parent_id is None]
        left = self.run.tokens - self.run.spent_tokens - self.run.reserved_tokens
        for step in steps:
            node = self.graph.node(step.node)
            part = None
            if step in spending:
                limit = node.tokens if node is not None and node.tokens is not None else left
                part = max(0, min(limit, left // len(spending)))
                if part < LEAST_TOKENS:
                    fail(step, "budget_exceeded", f"Of the run's {self.run.tokens} tokens {max(0, left)} are left.")
                    self.run.state, self.run.problem = RunState.FAILED, f"{step.name}: {step.problem}"
                    continue
                step.reserved_tokens = part
                self.run.reserved_tokens += part
            self.ask_for_worker(step, self._grant(node, part) if step.parent_id is None else None)

    def ask_for_worker(self, step: TeamStep, grant: Grant | None = None) -> None:
        """Queue a step whose part of the budget is set."""
        if grant is not None:
            step.grant = grant.as_json()
        step.state, step.ticket, step.attempt = StepState.QUEUED, step.ticket + 1, 0
        step.problem = step.problem_code = ""
        step.ended_at = None
        step.save()
        outbox.publish(TeamStepQueued(step_id=step.id, ticket=step.ticket))

    def conclude(self) -> None:
        """The run's state, from its steps."""
        run = self.run
        had_ended = run.ended_at is not None
        if RunState(run.state).is_open:
            states = set(TeamStep.objects.filter(run=run, state__in=OPEN_STEPS).values_list("state", flat=True))
            if not states:
                self._end()
            else:
                run.state = RunState.WAITING if states <= set(_QUIET) else RunState.RUNNING
        elif run.ended_at is None:
            run.ended_at = clock.now()
        run.save()
        if run.asked and run.ended_at is not None and not had_ended:
            outbox.publish(TeamRunEnded(run_id=run.id))
        live.notify(f"team-run:{run.id}", {"state": run.state})

    def _end(self) -> None:
        run = self.run
        outputs = TeamStep.objects.filter(run=run, kind=NodeKind.OUTPUT, state=StepState.SUCCEEDED).order_by("id")
        refused = TeamStep.objects.filter(run=run, kind=NodeKind.APPROVAL, choice="refused").first()
        run.output = joined([(step.name, step.output) for step in outputs])
        run.ended_at = clock.now()
        if outputs:
            run.state = RunState.SUCCEEDED
        elif refused is not None:
            run.state, run.problem = RunState.CANCELLED, f"Refused at {refused.name}."
        else:
            run.state, run.problem = RunState.FAILED, "The run ended before it reached an output."

    def _arrive(self, came: TeamStep, ways: Sequence[Edge], arrivals: list[tuple[Node, TeamStep]]) -> None:
        for edge in ways:
            node = self.graph.node(edge.target)
            if node is not None:
                arrivals.append((node, came))

    def _enter(self, node: Node, came: TeamStep, arrivals: list[tuple[Node, TeamStep]]) -> TeamStep | None:
        """A text arrives at a node. Returns the step if a worker is needed; the rest is done at once."""
        if node.gathers:
            self._gather(node, came)
            return None
        rounds = dict(came.rounds)
        if node.kind is NodeKind.LOOP:
            self._loop(node, came, rounds, arrivals)
            return None
        if node.kind is NodeKind.ROUTER and node.by in (RouteBy.WORDS, RouteBy.LABEL):
            ways = self.graph.out(node.key)
            way = way_by_words(ways, came.output) if node.by is RouteBy.WORDS else way_by_label(ways, came.label)
            self._pass(node, came, rounds, way, arrivals)
            return None
        text = came.output
        if node.kind in _SPENDING:
            text = filled(node.prompt, self._values(came))
        asks = node.kind is NodeKind.APPROVAL or (node.goes_outside and node.ask_first)
        step = self._step(node, text, rounds, state=StepState.WAITING if asks else StepState.QUEUED)
        step.label = came.label
        step.save()
        return None if asks else step

    def _loop(self, node: Node, came: TeamStep, rounds: dict[str, int], arrivals: list[tuple[Node, TeamStep]]) -> None:
        gone = rounds.get(node.key, 0)
        way = loop_way(self.graph.out(node.key), node, came.output, gone)
        if way is not None and way.when == AGAIN:
            rounds[node.key] = gone + 1
        else:
            rounds.pop(node.key, None)
        self._pass(node, came, rounds, way, arrivals)

    def _pass(
        self,
        node: Node,
        came: TeamStep,
        rounds: dict[str, int],
        way: Edge | None,
        arrivals: list[tuple[Node, TeamStep]],
    ) -> None:
        """A node that only chooses: its text is the one that came."""
        step = self._step(node, came.output, rounds, state=StepState.SUCCEEDED, output=came.output)
        step.label, step.sources = came.label, came.sources
        step.choice = "" if way is None else way.when or "otherwise"
        step.save()
        self._arrive(step, [way] if way is not None else [], arrivals)

    def _gather(self, node: Node, came: TeamStep) -> None:
        step = TeamStep.objects.filter(run=self.run, node=node.key, state=StepState.GATHERING).first()
        if step is None:
            step = self._step(node, "", dict(came.rounds), state=StepState.GATHERING)
        step.arrivals = [*step.arrivals, [came.name, came.output]]
        step.sources = [*step.sources, *came.sources]
        step.label = came.label or step.label
        step.save()

    def _gathered(self) -> TeamStep | None:
        """A join for which nothing more can come, finished; None where all have to wait."""
        active = list(TeamStep.objects.filter(run=self.run, state__in=OPEN_STEPS))
        for step in active:
            node = self.graph.node(step.node)
            if step.state != StepState.GATHERING or node is None or not node.gathers:
                continue
            if not must_wait(self.graph, step.node, [other.node for other in active if other.id != step.id]):
                step.input = step.output = joined([(name, text) for name, text in step.arrivals])
                step.state, step.ended_at = StepState.SUCCEEDED, clock.now()
                step.save()
                return step
        return None

    def _step(self, node: Node, text: str, rounds: dict[str, int], *, state: StepState, output: str = "") -> TeamStep:
        if TeamStep.objects.filter(run=self.run).count() >= MAX_STEPS:
            raise Conflict("too_many_steps", f"The run took more than {MAX_STEPS} steps and was ended.")
        is_done = state is StepState.SUCCEEDED
        return TeamStep.objects.create(
            tenant_id=self.run.tenant_id,
            run=self.run,
            node=node.key,
            kind=node.kind,
            name=node.name,
            agent=node.agent,
            state=state,
            input=text,
            output=output,
            rounds=rounds,
            ended_at=clock.now() if is_done else None,
        )

    def _values(self, came: TeamStep) -> dict[str, str]:
        """What a prompt may name: the question, what came, and the latest output of each node."""
        done = TeamStep.objects.filter(run=self.run, state=StepState.SUCCEEDED, parent=None).order_by("id")
        latest = dict(done.values_list("node", "output"))
        return latest | {"question": self.run.question, "input": came.output}

    def _grant(self, node: Node | None, tokens: int | None) -> Grant:
        """What a step may do: less than the run in every respect."""
        bases = frozenset(UUID(one) for one in node.knowledge) if node is not None and node.knowledge else None
        tools = frozenset(node.tools).difference(NO_TOOLS) if node is not None and node.tools else None
        try:
            wanted = Grant(tokens=tokens, knowledge_base_ids=bases, tools=tools)
            return Grant.from_json(self.run.grant).delegate(wanted)
        except GrantExceeded:
            return Grant(tokens=0, tool_calls=0, depth=0)


def fail(step: TeamStep, code: str, message: str) -> None:
    """Store that a step has failed. What was set apart for it stays free for others."""
    step.state, step.problem_code, step.problem = StepState.FAILED, code[:60], message
    step.ended_at = clock.now()
    step.save()


def give_back(run: TeamRun, step: TeamStep) -> None:
    """Free what is left of the part of the budget that was set apart for a step."""
    run.reserved_tokens = max(0, run.reserved_tokens - step.reserved_tokens)
    step.reserved_tokens = 0


def spend(run: TeamRun, step: TeamStep, *, prompt_tokens: int, completion_tokens: int) -> None:
    """Note what a step has used; a worker uses of its supervisor's part."""
    used = prompt_tokens + completion_tokens
    step.prompt_tokens += prompt_tokens
    step.completion_tokens += completion_tokens
    run.spent_tokens += used
    source: Any = step.parent if step.parent is not None else step
    taken = min(used, source.reserved_tokens)
    source.reserved_tokens -= taken
    run.reserved_tokens = max(0, run.reserved_tokens - taken)
    if source is not step:
        source.save(update_fields=["reserved_tokens", "updated_at"])
