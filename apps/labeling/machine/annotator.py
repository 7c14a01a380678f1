"""The whole course of an order: ask people, learn, propose, audit, accept, until every item has a label.

`ask()` says which items people should label now and `tell()` takes their labels, nothing else decides anything, so the
same course runs over a live order and over recorded labels. It is deterministic for a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from apps.labeling.machine.acceptance import Audit, Proposal, decide
from apps.labeling.machine.confidence import Confidence
from apps.labeling.machine.pool import EQUAL_PART, Belief, Fitted, Pool, fit, part_of_head
from apps.labeling.machine.selection import first_items
from apps.labeling.machine.steps import (
    BATCH_SHARE,
    GROWTH,
    LEAST_BATCH,
    LEAST_FIRST,
    Labels,
    batch,
    is_calibration_due,
    make_proposal,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]


class Purpose(StrEnum):
    """Why people are asked about items."""

    START = "start"
    LEARN = "learn"
    AUDIT = "audit"


@dataclass(frozen=True)
class Request:
    """Items (places in the pool) that people should label, and why; `drawn` marks those that chance picked."""

    purpose: Purpose
    places: Integers
    drawn: NDArray[np.bool_]


class Annotator:
    """One order's machine.

    Args:
        pool: the order's items.
        classes: how many classes the design has.
        promised: precision that accepted labels shall have, 0 to 1; None leaves everything to people.
        never: classes that only people may give, such as one for items out of scope.
    """

    def __init__(
        self, pool: Pool, classes: int, *, promised: float | None, seed: int, never: Sequence[int] = ()
    ) -> None:
        import numpy as np

        self.pool = pool
        self.classes = classes
        self.promised = promised
        self.seed = seed
        self.never = np.array(sorted(never), dtype=np.int64)
        self.human = np.full(len(pool), -1, dtype=np.int64)
        self.machine = np.full(len(pool), -1, dtype=np.int64)
        self.sureness = np.zeros(len(pool), dtype=np.float32)
        self.audits: list[Audit] = []
        self.threshold: float | None = None
        self.fitted: Fitted | None = None
        self.confidence: Confidence | None = None
        self._asked: Request | None = None
        self._proposal: Proposal | None = None
        self._sampled: list[bool] = []
        self._labelled: list[int] = []
        self._drawn: list[bool] = []
        self._calibrated_at = 0
        self._weighed_at, self._part = 0, EQUAL_PART

    @property
    def open(self) -> Integers:
        """Places without any label."""
        import numpy as np

        return np.flatnonzero((self.human < 0) & (self.machine < 0))

    @property
    def labelled(self) -> int:
        """How many items people have labelled."""
        return len(self._labelled)

    def ask(self) -> Request | None:
        """What people should label next; the same until `tell` is called. None when every item has a label."""
        if self._asked is None and len(self.open):
            self._asked = self._next()
        return self._asked

    def tell(self, labels: Sequence[int]) -> None:
        """The labels of what was asked, in that order."""
        import numpy as np

        if self._asked is None or len(labels) != len(self._asked.places):
            raise ValueError("tell() takes one label for each item that ask() named last")
        places = self._asked.places
        self.human[places] = labels
        self._labelled += [int(place) for place in places]
        self._drawn += [bool(one) for one in self._asked.drawn]
        self._asked = None
        if self._proposal is not None and self.promised is not None:
            believed = self._fitted().at(places).best
            self._sampled += [bool(one) for one in believed == np.asarray(labels)]
            self._conclude(self._proposal, self.promised)

    def accepts(self, belief: Belief) -> NDArray[np.bool_]:
        """Which of some items the machine would label by the threshold of the last proposal that was accepted."""
        import numpy as np

        if self.threshold is None or self.confidence is None:
            return np.zeros(len(belief.best), dtype=np.bool_)
        found: NDArray[np.bool_] = self._eligible(belief) & (self.confidence.of(belief) >= self.threshold)
        return found

    def _eligible(self, belief: Belief) -> NDArray[np.bool_]:
        import numpy as np

        known: NDArray[np.bool_] = ~np.isin(belief.best, self.never)
        return known if self.confidence is None else known & self.confidence.familiar(belief)

    def _next(self) -> Request:
        import numpy as np

        if not self._labelled:
            first = min(max(LEAST_FIRST, self.classes), len(self.pool))
            places = first_items(self.pool.vectors, first, self.seed)
            return Request(Purpose.START, places, np.zeros(len(places), dtype=np.bool_))
        if self._proposal is None:
            self._learn()
            self._proposal = self._propose()
        if self._proposal is not None:
            places = self._proposal.stage(len(self._sampled))
            return Request(Purpose.AUDIT, places, np.ones(len(places), dtype=np.bool_))
        return self._batch(max(LEAST_BATCH, len(self._labelled) // BATCH_SHARE))

    def _batch(self, count: int) -> Request:
        margin = self._fitted().of_pool().margin
        places, drawn = batch(self.pool.vectors, margin, self.open, count, before=len(self._labelled), seed=self.seed)
        return Request(Purpose.LEARN, places, drawn)

    def _learn(self) -> None:
        start = self.fitted.head if self.fitted is not None else None
        known = self._known()
        if len(known.places) >= GROWTH * self._weighed_at:
            self._part = part_of_head(self.pool, known.places, known.labels, self.classes)
            self._weighed_at = len(known.places)
        self.fitted = fit(self.pool, known.places, known.labels, self.classes, start=start, part=self._part)

    def _known(self) -> Labels:
        import numpy as np

        places = np.array(self._labelled, dtype=np.int64)
        return Labels(places, self.human[places], np.array(self._drawn, dtype=np.bool_))

    def _propose(self) -> Proposal | None:
        if self.promised is None or not is_calibration_due(len(self._labelled), self._calibrated_at):
            return None
        self._calibrated_at = len(self._labelled)
        self.confidence, found = make_proposal(
            self.pool,
            self._fitted(),
            self._known(),
            self.open,
            classes=self.classes,
            promised=self.promised,
            never=self.never,
            number=len(self.audits) + 1,
            seed=self.seed,
        )
        return found

    def _conclude(self, proposal: Proposal, promised: float) -> None:
        import numpy as np

        right = np.array(self._sampled)
        audit = decide(proposal, right, promised=promised, number=len(self.audits) + 1)
        if audit is None:
            return
        self.audits.append(audit)
        self._proposal, self._sampled, self._calibrated_at = None, [], len(self._labelled)
        if audit.passed and self.confidence is not None:
            rest = proposal.places[self.human[proposal.places] < 0]
            belief = self._fitted().at(rest)
            self.machine[rest] = belief.best
            self.sureness[rest] = self.confidence.of(belief)
            self.threshold = float(self.confidence.of(self._fitted().at(proposal.places)).min())

    def _fitted(self) -> Fitted:
        if self.fitted is None:
            raise ValueError("nothing is labelled yet")
        return self.fitted
