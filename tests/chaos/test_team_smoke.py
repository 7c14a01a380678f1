"""A team's run survives workers that are killed in the middle, and nothing outside is done twice.

A real Celery worker and beat work on the tests' database; a server outside counts what is done to it. The worker is
killed with SIGKILL while it waits for that server, which has heard it already: the worst moment.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from apps.agents.models import SideEffect, TeamRun, TeamStep
from apps.agents.selectors.teams import team_run
from apps.agents.services import teams
from apps.agents.teams.types import Edge, EffectState, Graph, Node, NodeKind
from apps.core import clock
from apps.core.models import OutboxDelivery
from apps.tenancy.types import Actor
from sahara_platform.embedded.configuration import bare_environment
from tests.chaos.ground import Ground, ends_of_logs, platform_environment, valkey_as_in_production
from tests.chaos.keeper import Keeper, Part
from tests.parts import DATABASE, POSTGRES

LIMIT_S = 240
#: The platform's worker; it may also send to this machine.
WORKER = """
import django
django.setup()
from apps.agents.services.teams import outside
outside.ALLOW_LOOPBACK = True
from sahara_platform.celery import app
app.worker_main(["worker", "--concurrency", "2", "--loglevel", "INFO"])
"""


class Outside(ThreadingHTTPServer):
    """Does what it is told at once, and answers when it is let."""

    daemon_threads = True

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.keys: dict[str, str] = {}
        self.may_answer = threading.Event()
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/do/"


class _Handler(BaseHTTPRequestHandler):
    server: Outside

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.done[body["step"]] += 1
            self.server.keys[self.headers["Idempotency-Key"]] = body["step"]
        self.server.may_answer.wait(LIMIT_S)
        try:
            self.send_response(201)
            self.end_headers()
            self.wfile.write(b"done")
        except OSError:
            pass  # who asked is dead

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def outside() -> Iterator[Outside]:
    server = Outside()
    yield server
    server.may_answer.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def ground(tmp_path: Path, transactional_db: None) -> Iterator[Ground]:
    """Valkey, a worker and beat, kept running."""
    keeper = Keeper()
    keeper.start()
    bare = bare_environment(secrets.token_hex(8))
    valkey_url, valkey = valkey_as_in_production(tmp_path, bare)
    keeper.add(valkey)
    environment = platform_environment(bare, tmp_path, database_url=POSTGRES.app_url(DATABASE), redis_url=valkey_url)
    environment["DJANGO_SETTINGS_MODULE"] = "sahara_platform.settings"
    made = Ground(tmp_path, keeper, environment, POSTGRES.owner_url(DATABASE))
    command = [sys.executable, "-W", "ignore", "-c", WORKER]
    log = tmp_path / "log" / "worker.log"
    keeper.add(Part("worker", command, environment, log, lambda logged: " ready." in logged, children=True), wait=False)
    made.start("beat", "beat: Starting", wait=False)
    keeper.until_ready()
    yield made
    keeper.stop()


def sends(url: str) -> Graph:
    """One, two side by side, and one that is done twice in a loop: five side effects in a run."""

    def send(key: str) -> Node:
        return Node(key, NodeKind.SEND, key, url=url, ask_first=False)

    nodes = (
        Node("in", NodeKind.INPUT, "In"),
        send("a"),
        send("b"),
        send("c"),
        Node("j", NodeKind.JOIN, "Both"),
        send("d"),
        Node("l", NodeKind.LOOP, "Again", rounds=1),
        Node("out", NodeKind.OUTPUT, "Out"),
    )
    ways = ("in-a", "a-b", "a-c", "b-j", "c-j", "j-d", "d-l", "l-d:again", "l-out:done")
    edges = []
    for way in ways:
        ends, _, when = way.partition(":")
        source, target = ends.split("-")
        edges.append(Edge(source, target, when))
    return Graph(nodes, tuple(edges))


def kill_when_heard(ground: Ground, outside: Outside) -> Callable[[], bool]:
    """Kills the worker if it waits for an answer in a step that it has not been killed in yet."""
    seen: set[str] = set()

    def try_it() -> bool:
        with outside.lock:
            fresh = set(outside.done) - seen
        if not fresh or not ground.keeper.kill("worker"):
            return False
        seen.update(fresh)
        return True

    return try_it


def lapse_leases() -> None:
    """What the dead worker held is free, as it were two minutes later."""
    OutboxDelivery.objects.filter(handler__endswith="on_team_step_queued", state="pending").exclude(
        lease_until=None
    ).update(lease_until=clock.now() - timedelta(seconds=1))


@pytest.mark.timeout(LIMIT_S + 60)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kills", [2, pytest.param(4, marks=pytest.mark.soak)])
def test_a_run_goes_on_and_every_side_effect_is_made_once(
    actor: Actor, ground: Ground, outside: Outside, kills: int
) -> None:
    team = teams.create_team(actor=actor, name="Sends", graph=sends(outside.url))
    run = teams.start_run(actor=actor, team_id=team.id, question="Do it")
    kill = kill_when_heard(ground, outside)
    killed = asked = 0
    deadline = time.monotonic() + LIMIT_S
    while (run := team_run(actor, run.id)).state.is_open:
        assert time.monotonic() < deadline, f"{run.state} {run.node_states}\n{ends_of_logs(ground.root)}"
        if killed < kills and kill():
            killed += 1
            lapse_leases()
        if asked >= kills:
            outside.may_answer.set()  # not before: a worker's last process may outlive it by a moment
        for step in run.waiting:
            # The person looks outside: what was heard there has happened.
            effect = SideEffect.objects.get(id=(step.approval or {})["effect"])
            assert effect.state == EffectState.STARTED
            teams.settle_step(actor=actor, step_id=step.id, happened=str(effect.id) in outside.keys)
            asked += 1
        time.sleep(0.05)
    assert run.state == "succeeded", run
    made = {str(step.id) for step in TeamStep.objects.filter(run_id=run.id, kind=NodeKind.SEND)}
    assert dict(outside.done) == dict.fromkeys(made, 1)
    assert len(made) == 5
    assert (killed, asked >= killed) == (kills, True)
    assert TeamRun.objects.get(id=run.id).reserved_tokens == 0
    assert not SideEffect.objects.exclude(state=EffectState.DONE).filter(scope__in=[f"team-step:{m}" for m in made])
