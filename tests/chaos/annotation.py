"""`python -m tests.chaos.annotation`: annotators over HTTP while web and worker processes and Valkey are killed.

Starts PostgreSQL, Valkey, two web processes, the worker and beat with the product's own settings. People label several
orders with the SDK, some in two tabs: they repeat, take back, skip, flag, come late, forge; answers get lost on the
way. Processes are killed with `kill -9` at random times. When all orders have ended, what was acknowledged, what is
stored, leases, pay and books are compared. The last line is a JSON object; exit status 1 if a rule does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sahara_platform.embedded.configuration import bare_environment
from sahara_platform.embedded.console import say
from sahara_platform.embedded.process import LOOPBACK, free_port
from tests.chaos.faults import Killer
from tests.chaos.ground import Ground, ends_of_logs, enter_django, raise_ground
from tests.chaos.keeper import Keeper
from tests.chaos.outcome import Outcome

if TYPE_CHECKING:
    from uuid import UUID

    from tests.chaos.calls import Line
    from tests.chaos.crowd import Room
    from tests.chaos.labels import Sampler, Scene
    from tests.chaos.orders import Cancellation, Time

PROGRESS_S = 5.0
LAPSE_S = 2.0
WEBS = ("web-1", "web-2")
TARGETS = (*WEBS, "worker")


@dataclass(frozen=True)
class Plan:
    """The size of a run. Times in seconds."""

    annotators: int = 64
    second_tabs: int = 8
    items: int = 700
    kills: int = 20
    valkey_kills: int = 1
    window_s: float = 90
    lost_share: float = 0.02
    limit_s: float = 340
    seed: int = 20_261_123


def main() -> int:
    """Parse, run, report."""
    plan, keep = _plan()
    root = Path(tempfile.mkdtemp(prefix="chaos-"))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    say(
        "plan",
        f"{plan.annotators} annotators, {plan.second_tabs} of them with a second tab, {plan.kills} kills of web and "
        f"worker, {plan.valkey_kills} of Valkey, seed {plan.seed}",
    )
    keeper = Keeper()
    keeper.start()
    outcome = Outcome()
    try:
        ground = raise_ground(root, keeper, bare_environment(secrets.token_hex(8)))
        ground.must_manage("migrate", "--database", "owner", "--no-input")
        enter_django(ground)
        outcome = run(plan, ground)
        outcome.wrong["manage.py verify_ledger"] = _verified(ground)
    except TimeoutError as error:
        say("logs", f"end of each:\n{ends_of_logs(root)}", "dim")
        outcome.wrong["everything settles in time"] = [str(error)]
    finally:
        keeper.stop()
        if outcome.holds and not keep:
            shutil.rmtree(root, ignore_errors=True)
        else:
            say("logs", f"are kept in {root}/log")
    outcome.say()
    say("result", "everything holds" if outcome.holds else "NOT everything holds", "ok" if outcome.holds else "bad")
    print(json.dumps({"holds": outcome.holds, "broken": outcome.broken, **outcome.figures}))  # noqa: T201
    return 0 if outcome.holds else 1


def run(plan: Plan, ground: Ground) -> Outcome:
    """Let the crowd work on a migrated platform, with Django set up for it; TimeoutError where it does not settle."""
    from tests.chaos import labels, orders
    from tests.chaos.crowd import Annotator, Room

    rng = random.Random(plan.seed)
    ending, crowd_ending = threading.Event(), threading.Event()
    ports = _start_platform(ground)
    timekeeper = orders.Time()
    room = Room(ports, plan.seed, plan.lost_share, crowd_ending, timekeeper.lapse)
    requester, key = orders.make_requester()
    accounts = orders.make_accounts(plan.annotators, plan.second_tabs, rng)
    begin = time.monotonic()
    with _line(room, key) as line:
        launched = orders.launch_orders(requester, line, plan.items)
        say("ready", f"{len(launched)} orders run; the chaos begins", "ok")
        cancelled = [one.name for one in orders.ORDERS if one.cancelled]
        sampler = labels.Sampler(list(launched.values()), ending)
        killers = [
            Killer(ground.keeper, targets, times=_times(count, plan, rng), rng=rng, ending=ending)
            for targets, count in ((TARGETS, plan.kills), (("valkey",), plan.valkey_kills))
        ]
        people = [account for account in accounts for _ in range(account.sessions)]
        crowd = [Annotator(room, account, session) for session, account in enumerate(people)]
        cancellation = orders.Cancellation(line, launched[cancelled[0]], plan.window_s * rng.uniform(0.4, 0.8), ending)
        helpers = [sampler, *killers, cancellation]
        for thread in (*crowd, *helpers):
            thread.start()
        try:
            _until_settled(plan, Chaos(room, killers, sampler, cancellation, timekeeper, list(launched.values())))
        finally:
            crowd_ending.set()
            ending.set()
            for thread in (*crowd, *helpers):
                thread.join(timeout=40)
            timekeeper.stop()
    settled_s = time.monotonic() - begin
    say("settled", f"after {settled_s:.0f} s", "ok")
    orders.let_appeals_lapse()
    scene = labels.Scene(launched, cancelled, accounts, sampler, room.breaches)
    return _check(plan, scene, room, killers, settled_s)


@dataclass
class Chaos:
    """What happens at the same time."""

    room: Room
    killers: list[Killer]
    sampler: Sampler
    cancellation: Cancellation
    time: Time
    order_ids: list[UUID]

    @property
    def failures(self) -> list[str]:
        """What went wrong in the test itself."""
        found = [*self.room.failures, *self.sampler.failures, *self.cancellation.failures]
        return [*found, *(failure for killer in self.killers for failure in killer.failures)]

    @property
    def is_over(self) -> bool:
        """Whether all that was planned to go wrong has."""
        return all(killer.finished for killer in self.killers) and not self.cancellation.is_alive()


def _start_platform(ground: Ground) -> list[int]:
    """Start the processes that annotators need; the ports of the web processes."""
    ports = [free_port() for _ in WEBS]
    for name, port in zip(WEBS, ports, strict=True):
        ground.start(
            "web", "Uvicorn running on", name=name, environment={"HOST": LOOPBACK, "PORT": str(port)}, wait=False
        )
    ground.start("worker", " ready.", children=True, wait=False)
    ground.start("beat", "beat: Starting", wait=False)
    ground.keeper.until_ready()
    return ports


@contextlib.contextmanager
def _line(room: Room, key: str) -> Iterator[Line]:
    from tests.chaos.calls import Balancer, Line

    balancer = Balancer(room.ports, random.Random(room.seed), lost_share=0, counts=room.counts)
    line = Line(balancer, key, room.ending, room.counts)
    try:
        yield line
    finally:
        line.close()


def _times(count: int, plan: Plan, rng: random.Random) -> list[float]:
    return [rng.uniform(0, plan.window_s) for _ in range(count)]


def _until_settled(plan: Plan, chaos: Chaos) -> None:
    """Wait, and tell how it goes. When all has gone wrong that was to, people only answer, and time passes faster."""
    from tests.chaos import labels

    begin = time.monotonic()
    next_line = next_lapse = 0.0
    while True:
        now = time.monotonic() - begin
        if chaos.failures:
            raise TimeoutError(f"the test itself failed: {'; '.join(chaos.failures[:3])}")
        if chaos.is_over:
            if not chaos.room.draining.is_set():
                chaos.room.draining.set()
                chaos.room.counts["answers given before the last kill"] = labels.answers_given(chaos.order_ids)
            if now >= next_lapse:
                chaos.time.lapse_all()
                next_lapse = now + LAPSE_S
        settled = labels.unsettled(chaos.order_ids)
        if chaos.is_over and not settled:
            return
        if now > plan.limit_s:
            raise TimeoutError(f"not settled after {plan.limit_s:.0f} s: {settled}")
        if now >= next_line:
            kills = " ".join(f"{name} {n}" for killer in chaos.killers for name, n in sorted(killer.by_target.items()))
            given = labels.answers_given(chaos.order_ids)
            say("chaos", f"{given} answers; kills: {kills or 'none'}; open: {settled or 'nothing'}")
            next_line = now + PROGRESS_S
        time.sleep(0.5)


def _check(plan: Plan, scene: Scene, room: Room, killers: list[Killer], settled_s: float) -> Outcome:
    from tests.chaos import labels

    outcome = Outcome()
    for name, function in labels.CHECKS.items():
        outcome.wrong[name] = list(function(scene))
    main, valkey = killers
    outcome.demand("kills of web and worker", main.kills, plan.kills)
    outcome.demand("kills of Valkey", valkey.kills, plan.valkey_kills)
    outcome.figures |= {
        "annotators": plan.annotators,
        "sessions": plan.annotators + plan.second_tabs,
        "seconds": round(settled_s),
        "kills": dict(main.by_target | valkey.by_target),
        "of them at a pool process": main.children,
        "calls": dict(sorted(room.counts.items())),
        "refusals": dict(sorted(room.refusals.items())),
        **scene.figures,
    }
    return outcome


def _verified(ground: Ground) -> list[str]:
    done = ground.manage("verify_ledger", "--skip-checks")
    return [] if done.returncode == 0 else [(done.stdout + done.stderr)[-1000:]]


def _plan() -> tuple[Plan, bool]:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.annotation", description=__doc__)
    add, usual = parser.add_argument, Plan()
    add("--annotators", type=int, default=usual.annotators)
    add("--second-tabs", type=int, default=usual.second_tabs, help="how many of them work in two tabs")
    add("--items", type=int, default=usual.items, help="of all orders together")
    add("--kills", type=int, default=usual.kills, help="of web and worker processes")
    add("--valkey-kills", type=int, default=usual.valkey_kills)
    add("--window-s", type=float, default=usual.window_s, help="all kills are within this time")
    add("--lost-share", type=float, default=usual.lost_share, help="share of the answers that get lost on the way")
    add("--limit-s", type=float, default=usual.limit_s)
    add("--seed", type=int, default=usual.seed)
    add("--keep", action="store_true", help="keep data and logs")
    values = vars(parser.parse_args())
    keep = values.pop("keep")
    return Plan(**values), keep


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
