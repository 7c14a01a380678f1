"""Annotators who label over the API as people do: they answer, repeat, skip, flag, undo, come late, and some cheat."""

from __future__ import annotations

import random
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from sahara.errors import ApiError
from sahara.models import Task
from sahara.resources.labeling import WorkResource
from tests.chaos.calls import Balancer, Line, StoppedError

CLASSES = ("alpha", "beta", "gamma")
THINK_S = 0.25
PAUSE_S = 1.0
#: Refusals that are right answers to what annotators try here.
EXPECTED = {
    "already_answered",
    "assignment_not_found",
    "lease_expired",
    "lease_lost",
    "not_undoable",
    "order_not_found",
    "order_not_open",
    "standing_lost",
    "task_given_back",
    "unusable_answer",
}


def truth_of(text: str) -> str:
    """The right class of an item."""
    return CLASSES[zlib.crc32(text.encode()) % len(CLASSES)]


@dataclass(frozen=True)
class Event:
    """Something that the platform has acknowledged about a task in hand."""

    kind: str
    session: int
    annotation_id: UUID | None = None
    answer: dict[str, Any] | None = None


@dataclass
class Account:
    """A person: how often right, and all that was acknowledged, by task in hand, in the order of the answers."""

    number: int
    organisation_id: UUID
    key: str = field(repr=False)
    accuracy: float
    sessions: int = 1
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    events: dict[UUID, list[Event]] = field(default_factory=lambda: defaultdict(list))

    def note(self, assignment_id: UUID, event: Event) -> None:
        """Write down what was acknowledged."""
        with self.lock:
            self.events[assignment_id].append(event)


@dataclass
class Room:
    """What all annotators share."""

    ports: Sequence[int]
    seed: int
    lost_share: float
    ending: threading.Event
    #: Makes a task in hand lapse at once, as if its time had passed.
    lapse: Callable[[UUID], None]
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    breaches: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    #: Orders with work, as the board showed them to somebody just now.
    open_orders: list[str] = field(default_factory=list)
    #: Tasks lent to somebody, for those who try with other people's.
    lent: list[tuple[int, UUID]] = field(default_factory=list)
    #: From now on everybody only answers.
    draining: threading.Event = field(default_factory=threading.Event)


class Annotator(threading.Thread):
    """One session of one person. A second session of the same person is a second tab."""

    def __init__(self, room: Room, account: Account, session: int) -> None:
        super().__init__(name=f"annotator-{session}", daemon=True)
        self._room = room
        self._account = account
        self._session = session
        self._rng = random.Random(f"{room.seed}:{session}")
        balancer = Balancer(room.ports, self._rng, lost_share=room.lost_share, counts=room.counts)
        self._line = Line(balancer, account.key, room.ending, room.counts)
        self._work = WorkResource(self._line.transport)
        self._closed: set[str] = set()

    def run(self) -> None:
        """Work until stopped."""
        try:
            while not self._room.ending.is_set():
                self._one_round()
        except StoppedError:
            pass
        except Exception as error:
            self._room.failures.append(f"{self.name}: {type(error).__name__}: {error}")
        finally:
            self._line.close()

    def _one_round(self) -> None:
        if self._rng.random() < 0.1 or not self._room.open_orders:
            board = self._line.ask(self._work.board)
            self._room.open_orders = [row["order_id"] for row in board]
        orders = [one for one in self._room.open_orders if one not in self._closed]
        if not orders:
            time.sleep(PAUSE_S)
            return
        order_id = self._rng.choice(orders)
        tasks = self._take(order_id)
        for task in tasks:
            self._room.ending.wait(self._rng.expovariate(1 / THINK_S))
            self._handle(task)
        if not tasks:
            time.sleep(PAUSE_S)

    def _take(self, order_id: str) -> list[Task]:
        try:
            if self._rng.random() < 0.1:
                rows = self._line.ask(lambda: self._work.transport.get(f"orders/{order_id}/leases/"))["tasks"]
                return [Task.model_validate(row) for row in rows]
            tasks = self._line.ask(lambda: self._work.lease(order_id, self._rng.randint(1, 5))).tasks
        except ApiError as error:
            self._refused(error)
            if error.code == "standing_lost":
                self._closed.add(order_id)
            return []
        self._room.lent += [(self._account.number, task.id) for task in tasks]
        return tasks

    def _handle(self, task: Task) -> None:
        if self._room.draining.is_set():
            self._submit(task)
            return
        [act] = self._rng.choices([act for act, _ in ACTS], [weight for _, weight in ACTS])
        self._room.counts[act.__name__.strip("_")] += 1
        act(self, task)

    def _submit(self, task: Task) -> UUID | None:
        """Answer; the id of the stored answer, None where it was refused."""
        answer = self._answer(task)
        try:
            stored = self._line.ask(lambda: self._work.submit(task, answer, elapsed_ms=900))
        except ApiError as error:
            self._refused(error)
            return None
        self._account.note(task.id, Event("submitted", self._session, stored.id, stored.answer))
        if stored.answer != answer:
            self._room.breaches.append(f"{task.id}: {answer} was sent, {stored.answer} acknowledged")
        return stored.id

    def _repeat(self, task: Task) -> None:
        """Answer, and say the same once more: it is the same row."""
        answer = self._answer(task)
        ids = set()
        for _ in range(2):
            try:
                stored = self._line.ask(lambda: self._work.submit(task, answer))
            except ApiError as error:
                self._refused(error)
                return
            self._account.note(task.id, Event("submitted", self._session, stored.id, stored.answer))
            ids.add(stored.id)
        if len(ids) > 1 and not self._has_second_tab():
            self._room.breaches.append(f"{task.id}: a repeated answer made rows {ids}")

    def _change(self, task: Task) -> None:
        """Answer, take it back, answer again."""
        if self._submit(task) is not None and self._call(task, "undo"):
            self._account.note(task.id, Event("undone", self._session))
            self._submit(task)

    def _skip(self, task: Task) -> None:
        """Give it back, and then try to answer all the same."""
        if self._call(task, "skip") and self._submit(task) is not None and not self._has_second_tab():
            self._room.breaches.append(f"{task.id}: answered after it was skipped")

    def _flag(self, task: Task) -> None:
        self._call(task, "flag", {"note": "cannot be read"})

    def _abandon(self, task: Task) -> None:
        """Leave it lying; at some time it lapses."""
        if self._rng.random() < 0.5:
            self._room.lapse(task.id)

    def _come_late(self, task: Task) -> None:
        """Answer when the time is over, ask for more time, answer again."""
        self._room.lapse(task.id)
        if self._submit(task) is not None and not self._has_second_tab():
            self._room.breaches.append(f"{task.id}: answered after its time")
        elif self._call(task, "extend"):
            self._submit(task)

    def _extend(self, task: Task) -> None:
        if self._call(task, "extend"):
            self._submit(task)

    def _forge(self, task: Task) -> None:
        """Try with a task that nobody has, with somebody else's, and with an answer that is none."""
        others = [one for number, one in self._room.lent[-200:] if number != self._account.number]
        for assignment_id in [uuid4(), *(self._rng.sample(others, 1) if others else [])]:
            foreign = task.model_copy(update={"id": assignment_id})
            if self._tried(partial(self._work.submit, foreign, self._answer(task))):
                self._room.breaches.append(f"{assignment_id}: {self.name} answered without a lease")
            for act in ("undo", "extend", "skip"):
                if self._call(foreign, act):
                    self._room.breaches.append(f"{assignment_id}: {self.name} did {act} without a lease")
        if self._tried(lambda: self._work.submit(task, {"label": "delta"})):
            self._room.breaches.append(f"{task.id}: a label outside of the classes was taken")
        self._submit(task)

    def _call(self, task: Task, act: str, body: dict[str, Any] | None = None) -> bool:
        return self._tried(lambda: self._work.transport.post(f"assignments/{task.id}/{act}/", body))

    def _tried(self, call: Callable[[], Any]) -> bool:
        """Whether the platform did it."""
        try:
            self._line.ask(call)
        except ApiError as error:
            self._refused(error)
            return False
        return True

    def _refused(self, error: ApiError) -> None:
        self._room.refusals[error.code] += 1
        if error.code not in EXPECTED:
            self._room.breaches.append(f"{self.name}: {error}")

    def _answer(self, task: Task) -> dict[str, Any]:
        text = str(task.data["text"])
        right = self._rng.random() < self._account.accuracy
        label = truth_of(text) if right else self._rng.choice(CLASSES)
        return {"label": label, "note": f"read {text[:20]}"} if text.startswith("note ") else {"label": label}

    def _has_second_tab(self) -> bool:
        """Whether another session of the same person may have done something in between."""
        return self._account.sessions > 1


#: What annotators do with a task, and how often.
ACTS: tuple[tuple[Callable[[Annotator, Task], Any], float], ...] = (
    (Annotator._submit, 70),
    (Annotator._repeat, 6),
    (Annotator._change, 6),
    (Annotator._skip, 4),
    (Annotator._flag, 2),
    (Annotator._abandon, 4),
    (Annotator._come_late, 4),
    (Annotator._extend, 2),
    (Annotator._forge, 2),
)
