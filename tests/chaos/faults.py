"""What goes wrong, when: kills, reorganisations and lost answers at random times from one seed."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence

from tests.chaos.keeper import Keeper
from tests.chaos.rpc import BalancedRpc, Node

POLL_S = 0.05
#: Of kills at these parts, this share hits a pool process or a backend instead of the main process.
CHILD_SHARE = 0.25
#: No part is killed more often than the least killed one by more than this.
LEAD = 3
#: A reorganisation waits this long for a transaction in the blocks that it replaces.
PATIENCE_S = 10.0


class Chain(threading.Thread):
    """Mines blocks at a steady pace and replaces the newest ones at random times. Nothing else makes blocks."""

    def __init__(
        self, node: Node, *, block_s: float, reorg_times: list[float], depths: list[int], ending: threading.Event
    ) -> None:
        super().__init__(name="chain", daemon=True)
        self._node = node
        self._block_s = block_s
        self._reorgs = list(zip(sorted(reorg_times), depths, strict=True))
        self._ending = ending
        self.depths: Counter[int] = Counter()
        self.transactions_dropped = 0
        self.failures: list[str] = []
        node.ask("evm_setAutomine", False)  # JSON-RPC
        self.lowest = node.head()

    @property
    def reorgs(self) -> int:
        """How many were made."""
        return self.depths.total()

    @property
    def finished(self) -> bool:
        """Whether all were made."""
        return not self._reorgs

    def run(self) -> None:
        """Mine until stopped."""
        begin = time.monotonic()
        try:
            while not self._ending.wait(self._block_s):
                late_s = time.monotonic() - begin - self._reorgs[0][0] if self._reorgs else -1.0
                if late_s >= 0:
                    self._reorganise(self._reorgs[0][1], late_s)
                self._node.ask("evm_mine")
        except Exception as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def _reorganise(self, depth: int, late_s: float) -> None:
        head = self._node.head()
        if head - self.lowest <= depth:
            return  # not below the deployment: wait for more blocks
        newest = (self._node.ask("eth_getBlockByNumber", hex(head - above), False) for above in range(depth))
        hit = sum(len(block["transactions"]) for block in newest)
        if not hit and late_s < PATIENCE_S:
            return  # it would change nothing for anyone: wait a little for a transaction
        self._reorgs.pop(0)
        self.transactions_dropped += hit
        self._node.ask("anvil_reorg", depth, [])
        self.depths[depth] += 1


class Killer(threading.Thread):
    """Kills -9 a random part of the targets that works, again and again; each about equally often."""

    def __init__(
        self,
        keeper: Keeper,
        targets: Sequence[str],
        *,
        times: list[float],
        rng: random.Random,
        ending: threading.Event,
    ) -> None:
        super().__init__(name="killer", daemon=True)
        self._keeper = keeper
        self._targets = targets
        self._times = sorted(times)
        self._rng = rng
        self._ending = ending
        self.by_target: Counter[str] = Counter()
        self.children = 0
        self.failures: list[str] = []

    @property
    def kills(self) -> int:
        """How many were done."""
        return self.by_target.total()

    @property
    def finished(self) -> bool:
        """Whether all were done."""
        return self.kills >= len(self._times)

    def run(self) -> None:
        """Kill at the planned times; later where nothing works at that moment."""
        begin = time.monotonic()
        try:
            for at in self._times:
                if self._ending.wait(max(0.0, begin + at - time.monotonic())):
                    return
                self._kill_one()
        except Exception as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def _kill_one(self) -> None:
        while not self._ending.is_set():
            # The least killed first, by chance among equals; what is up again soonest does not get all of them.
            most = min(self.by_target[name] for name in self._targets) + LEAD
            candidates = [name for name in self._targets if self.by_target[name] < most]
            for target in sorted(candidates, key=lambda name: (self.by_target[name], self._rng.random())):
                part = self._keeper.parts[target]
                if not part.is_ready():
                    continue
                child = self._rng.randrange(100) if part.children and self._rng.random() < CHILD_SHARE else None
                if self._keeper.kill(target, child=child):
                    self.by_target[target] += 1
                    self.children += child is not None
                    return
            time.sleep(POLL_S)


class LostAnswers(threading.Thread):
    """Arms the loss of one answer at each of the given times."""

    def __init__(self, rpc: BalancedRpc, *, times: list[float], ending: threading.Event) -> None:
        super().__init__(name="lost-answers", daemon=True)
        self._rpc = rpc
        self._times = sorted(times)
        self._ending = ending

    @property
    def finished(self) -> bool:
        """Whether all were lost."""
        return self._rpc.lost >= len(self._times)

    def run(self) -> None:
        """Arm at the planned times."""
        begin = time.monotonic()
        for at in self._times:
            if self._ending.wait(max(0.0, begin + at - time.monotonic())):
                return
            self._rpc.lose_an_answer()
