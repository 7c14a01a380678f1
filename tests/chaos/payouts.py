"""`python -m tests.chaos.payouts`: payouts on real processes that are killed, on a chain that is reorganised.

Starts PostgreSQL, Valkey, anvil, the bridge, the worker and beat with the product's own settings; has organisations
withdraw their earnings at random times, kills the processes with `kill -9`, replaces blocks, loses answers of the
node and answers a share of the calls from a replica that lags behind. When all is settled it compares, to the unit,
what was asked for, the ledger, the chain and the wallets. Exit status 1 names every rule that does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sahara_platform.embedded.console import elapsed_s, say
from tests.chaos.faults import Chain, Killer, LostAnswers
from tests.chaos.ground import ends_of_logs, enter_django
from tests.chaos.stage import TARGETS, Stage, raise_stage, start_platform

if TYPE_CHECKING:
    from tests.chaos.earners import Requester
    from tests.chaos.outcome import Outcome

PROGRESS_S = 5.0
DEEPEST_REORG = 8


@dataclass(frozen=True)
class Plan:
    """The size of a run. Times in seconds."""

    payouts: int
    repeats: int
    kills: int
    reorgs: int
    lost_answers: int
    window_s: float
    epoch_s: float
    block_s: float
    confirmations: int
    lag_blocks: int
    lag_share: float
    limit_s: float
    seed: int
    keep: bool


@dataclass
class Run:
    """Everything that happens at the same time."""

    stage: Stage
    requester: Requester
    chain: Chain
    killer: Killer
    lost: LostAnswers

    @property
    def finished(self) -> bool:
        """Whether all that was planned has happened."""
        return all(part.finished for part in (self.requester, self.chain, self.killer, self.lost))

    @property
    def failures(self) -> list[str]:
        """What went wrong in the test itself."""
        return [*self.requester.failures, *self.chain.failures, *self.killer.failures]


def main() -> int:
    """Parse, run, report."""
    plan = _plan()
    root = Path(tempfile.mkdtemp(prefix="chaos-"))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    say(
        "plan",
        f"{plan.payouts} payees, {plan.payouts + plan.repeats} withdrawals, {plan.kills} kills, "
        f"{plan.reorgs} reorganisations of depth 1-{DEEPEST_REORG}, {plan.lost_answers} lost answers, "
        f"{plan.confirmations} confirmations, seed {plan.seed}",
    )
    holds = False
    try:
        holds = _run(plan, root)
    except TimeoutError as error:
        say("late", str(error), "bad")
    finally:
        if holds and not plan.keep:
            shutil.rmtree(root, ignore_errors=True)
        else:
            say("logs", f"are kept in {root}/log")
    say("result", "everything holds" if holds else "NOT everything holds", "ok" if holds else "bad")
    return 0 if holds else 1


def _run(plan: Plan, root: Path) -> bool:
    stage = raise_stage(
        root,
        confirmations=plan.confirmations,
        lag_blocks=plan.lag_blocks,
        lag_share=plan.lag_share,
        seed=plan.seed,
    )
    ending = threading.Event()
    try:
        enter_django(stage.ground)
        from tests.chaos import earners, invariants

        rng = random.Random(plan.seed)
        say("parts", "PostgreSQL, Valkey and anvil run; the schema and the contracts are there")
        payees = earners.make_earners(plan.payouts, plan.repeats, rng)
        say("payees", f"{plan.payouts} organisations have earned and have wallets")
        deposit = invariants.deposit(stage)
        start_platform(stage)
        say("ready", "PostgreSQL, Valkey, anvil, bridge, worker and beat run; the chaos begins", "ok")
        requests = earners.plan_requests(payees, plan.window_s, rng)
        run = _begin(plan, stage, earners.Requester(requests, ending=ending), rng, ending)
        begin = time.monotonic()
        _until_settled(plan, run)
        say("settled", f"after {time.monotonic() - begin:.0f} s", "ok")
        outcome = invariants.check(stage, payees, deposit)
        return _report(plan, run, outcome)
    except TimeoutError:
        say("logs", f"end of each:\n{ends_of_logs(root)}", "dim")
        _say_why(stage)
        raise
    finally:
        ending.set()
        stage.stop()


def _begin(plan: Plan, stage: Stage, requester: Requester, rng: random.Random, ending: threading.Event) -> Run:
    def times(count: int, share: float = 1.0) -> list[float]:
        return [rng.uniform(0, plan.window_s * share) for _ in range(count)]

    depths = [1 + number % DEEPEST_REORG for number in range(plan.reorgs)]
    rng.shuffle(depths)
    run = Run(
        stage,
        requester,
        Chain(stage.node, block_s=plan.block_s, reorg_times=times(plan.reorgs), depths=depths, ending=ending),
        Killer(stage.keeper, TARGETS, times=times(plan.kills), rng=random.Random(plan.seed + 1), ending=ending),
        # Answers are lost where transactions are sent: not in the last part, when few still are.
        LostAnswers(stage.rpc, times=times(plan.lost_answers, share=0.7), ending=ending),
    )
    for part in (run.chain, run.requester, run.killer, run.lost):
        part.start()
    return run


def _until_settled(plan: Plan, run: Run) -> None:
    """Wait, demand epochs between the scheduled ones, and tell how it goes; TimeoutError at the time limit."""
    from django.db import Error, connection

    from tests.chaos import invariants

    next_epoch, next_line, settled = plan.epoch_s, 0.0, ""
    begin = time.monotonic()
    while True:
        now = time.monotonic() - begin
        with contextlib.suppress(Error):
            if run.failures:
                raise TimeoutError(f"the test itself failed: {'; '.join(run.failures)}")
            if now >= next_epoch:
                _demand_epoch()
                next_epoch = now + plan.epoch_s
            settled = invariants.unsettled()
            if run.finished and not settled:
                return
        if connection.connection is not None and connection.connection.broken:
            connection.close()
        if elapsed_s() > plan.limit_s:
            raise TimeoutError(f"not settled at the time limit of {plan.limit_s:.0f} s: {settled}")
        if now >= next_line:
            _progress(plan, run, settled)
            next_line = now + PROGRESS_S
        time.sleep(0.5)


def _say_why(stage: Stage) -> None:
    from django.db import Error

    from tests.chaos import invariants

    with contextlib.suppress(Error):
        for line in invariants.why_unsettled(stage):
            say("stuck", line, "bad")


def _demand_epoch() -> None:
    from apps.core.errors import DomainError
    from apps.payouts.services import publish_due_epoch

    # One is under way, or the bridge has not caught up: the next demand or the schedule makes it.
    with contextlib.suppress(DomainError):
        publish_due_epoch()


def _progress(plan: Plan, run: Run, unsettled: str) -> None:
    by_target = " ".join(f"{name} {count}" for name, count in sorted(run.killer.by_target.items()))
    say(
        "chaos",
        f"asked {run.requester.done}/{plan.payouts + plan.repeats}; kills {run.killer.kills}/{plan.kills} "
        f"({by_target}); reorganisations {run.chain.reorgs}/{plan.reorgs}; "
        f"lost answers {run.stage.rpc.lost}/{plan.lost_answers}; on its way: {unsettled or 'nothing'}",
    )


def _report(plan: Plan, run: Run, outcome: Outcome) -> bool:
    killer, chain, rpc = run.killer, run.chain, run.stage.rpc
    say("kills", f"{killer.kills} of them {killer.children} at a pool process or a backend: {dict(killer.by_target)}")
    say(
        "chain",
        f"{chain.reorgs} reorganisations, by depth {dict(sorted(chain.depths.items()))}, which took "
        f"{chain.transactions_dropped} transactions out of their blocks",
    )
    say(
        "node",
        f"{rpc.lost} answers lost after acceptance; {rpc.lagged} of {rpc.calls.total()} calls answered by a replica "
        f"{plan.lag_blocks} blocks behind",
    )
    for part in run.stage.keeper.parts.values():
        if part.exits:
            say("exits", f"{part.name} ended by itself {len(part.exits)} times: {', '.join(part.exits[:3])}", "warn")
    outcome.demand("kills", killer.kills, plan.kills)
    outcome.demand("reorganisations", chain.reorgs, plan.reorgs)
    outcome.demand("lost answers", rpc.lost, plan.lost_answers)
    outcome.say()
    say("time", f"{elapsed_s():.0f} s in all, limit {plan.limit_s:.0f} s")
    return outcome.holds


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.payouts", description=__doc__)
    add = parser.add_argument
    add("--payouts", type=int, default=500, help="payees, each paid at least once")
    add("--repeats", type=int, help="further withdrawals of random payees; a tenth of the payees where left out")
    add("--kills", type=int, default=200)
    add("--reorgs", type=int, default=50)
    add("--lost-answers", type=int, default=50)
    add("--window-s", type=float, default=480, help="all of it begins within this time")
    add("--epoch-s", type=float, default=20, help="epochs are demanded this often, beside the schedule")
    add("--block-s", type=float, default=0.5, help="time between blocks")
    add("--confirmations", type=int, default=8)
    add("--lag-blocks", type=int, default=3, help="how far the lagging replica is behind")
    add("--lag-share", type=float, default=0.1, help="share of the calls that it answers")
    add("--limit-s", type=float, default=900)
    add("--seed", type=int, default=20_261_122)
    add("--keep", action="store_true", help="keep data and logs")
    values = vars(parser.parse_args())
    if values["repeats"] is None:
        values["repeats"] = values["payouts"] // 10
    return Plan(**values)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
