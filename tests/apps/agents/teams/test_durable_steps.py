"""Steps that are begun more than once: what counts, what is repeated, and what a person is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from apps.agents.models import TeamStep
from apps.agents.selectors.teams import team_run
from apps.agents.services import teams
from apps.agents.services.teams import outside as services_outside
from apps.agents.services.teams import steps as work
from apps.agents.services.teams.work import Claimed, Outcome
from apps.agents.teams.facts import RunInfo
from apps.agents.teams.types import Edge, Graph, Node, NodeKind, RouteBy, StepState
from apps.core import outbox
from apps.core.errors import DependencyFailed
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db

IN, OUT = Node("in", NodeKind.INPUT, "In"), Node("out", NodeKind.OUTPUT, "Out")
DOWN = {"url": "http://127.0.0.1:9", "token": "nobody-listens-there"}


class Outside(ThreadingHTTPServer):
    """Answers what it is told to, and remembers what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.heard: list[tuple[str, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Outside

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append((self.headers["Idempotency-Key"], body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 201)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    monkeypatch.setattr(services_outside, "ALLOW_LOOPBACK", True)
    server = Outside()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def sent(actor: Actor, outside: Outside) -> Callable[..., RunInfo]:
    """`sent(ask_first=False)`: a run that sends its question outside, as far as it goes."""

    def make(**fields: Any) -> RunInfo:
        url = f"http://127.0.0.1:{outside.server_port}/"
        send = Node("send", NodeKind.SEND, "Send", url=url, **fields)
        team = teams.create_team(
            actor=actor, name="Team", graph=Graph((IN, send, OUT), (Edge("in", "send"), Edge("send", "out")))
        )
        run = teams.start_run(actor=actor, team_id=team.id, question="Hello outside")
        outbox.drain()
        return team_run(actor, run.id)

    return make


def again(actor: Actor, run: RunInfo) -> RunInfo:
    outbox.drain()
    return team_run(actor, run.id)


def test_nothing_is_sent_before_a_person_has_approved_it(
    actor: Actor, sent: Callable[..., RunInfo], outside: Outside
) -> None:
    run = sent()
    assert (run.state, outside.heard) == ("waiting", [])
    teams.decide_step(actor=actor, step_id=run.waiting[0].id, approve=True)
    run = again(actor, run)
    assert (run.state, len(outside.heard)) == ("succeeded", 1)
    assert outside.heard[0][1]["text"] == "Hello outside"
    refused = teams.decide_step(actor=actor, step_id=sent().waiting[0].id, approve=False)
    assert (refused.state, len(outside.heard)) == ("cancelled", 1)


def test_what_was_refused_there_can_be_tried_again(
    actor: Actor, sent: Callable[..., RunInfo], outside: Outside
) -> None:
    outside.answers = [403]
    run = sent(ask_first=False)
    assert run.state == "failed"
    teams.retry_run(actor=actor, run_id=run.id)
    assert again(actor, run).state == "succeeded"
    assert len(outside.heard) == 2
    assert outside.heard[0][0] == outside.heard[1][0]


@pytest.mark.parametrize(("happened", "calls"), [(True, 1), (False, 2)])
def test_an_uncertain_end_is_asked_about(
    actor: Actor, sent: Callable[..., RunInfo], outside: Outside, happened: bool, calls: int
) -> None:
    outside.answers = [500]
    run = sent(ask_first=False)
    (step,) = run.waiting
    assert (run.state, step.state) == ("waiting", "uncertain")
    assert len(outside.heard) == 1
    teams.settle_step(actor=actor, step_id=step.id, happened=happened)
    assert again(actor, run).state == "succeeded"
    assert len(outside.heard) == calls


def test_an_old_request_does_nothing(actor: Actor, sent: Callable[..., RunInfo], outside: Outside) -> None:
    run = sent(ask_first=False)
    step = TeamStep.objects.get(run_id=run.id, node="send")
    work.run_step(step.id, step.ticket)
    TeamStep.objects.filter(id=step.id).update(state=StepState.QUEUED)
    work.run_step(step.id, step.ticket - 1)
    assert TeamStep.objects.get(id=step.id).state == "queued"
    assert len(outside.heard) == 1


def test_a_late_result_does_not_count(
    actor: Actor, sent: Callable[..., RunInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sent()
    teams.decide_step(actor=actor, step_id=run.waiting[0].id, approve=True)

    def stopped_meanwhile(claimed: Claimed) -> Outcome:
        teams.cancel_run(actor=actor, run_id=run.id)
        return Outcome(text="too late")

    monkeypatch.setattr(work, "_work", stopped_meanwhile)
    run = again(actor, run)
    assert (run.state, run.output) == ("cancelled", "")
    assert "too late" not in [step.output for step in run.steps]


@pytest.fixture
def routed(actor: Actor) -> RunInfo:
    """A run that needs the runner for its first step; nothing is worked on yet."""
    router = Node("r", NodeKind.ROUTER, "Which?", by=RouteBy.MEANING)
    ends = Node("x", NodeKind.JOIN, "X"), Node("y", NodeKind.JOIN, "Y")
    ways = (Edge("in", "r"), Edge("r", "x", "one"), Edge("r", "y", "two"), Edge("x", "out"), Edge("y", "out"))
    team = teams.create_team(actor=actor, name="Team", graph=Graph((IN, router, *ends, OUT), ways))
    return teams.start_run(actor=actor, team_id=team.id, question="One?")


def test_a_part_that_does_not_answer_is_waited_for_and_then_given_up(
    actor: Actor, routed: RunInfo, settings: Any
) -> None:
    settings.RUNNER = DOWN
    step = TeamStep.objects.get(run_id=routed.id, node="r")
    for _ in range(work.MAX_ATTEMPTS - 1):
        with pytest.raises(DependencyFailed):
            work.run_step(step.id, step.ticket)
        assert team_run(actor, routed.id).state == "running"
    work.run_step(step.id, step.ticket)
    run = team_run(actor, routed.id)
    assert (run.state, run.node_states["r"]) == ("failed", "failed")


def test_a_step_that_kills_its_workers_is_given_up(
    actor: Actor, routed: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(claimed: Claimed) -> Outcome:
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "_work", dies)
    step = TeamStep.objects.get(run_id=routed.id, node="r")
    for _ in range(work.MAX_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            work.run_step(step.id, step.ticket)
    work.run_step(step.id, step.ticket)
    run = team_run(actor, routed.id)
    assert (run.state, next(one.problem_code for one in run.steps if one.node == "r")) == ("failed", "gave_up")
