"""Simulated annotators: each has a seed and a confusion matrix, and answers through the API as a person would."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sahara import ApiError, Client

LEASES = 5
PATIENCE_S = 300


@dataclass(frozen=True)
class Skill:
    """How well somebody labels: `right` on the diagonal of the confusion matrix; errors go to `drawn_to` first."""

    name: str
    right: float
    drawn_to: int | None = None


CROWD = (
    *[Skill("careful", 0.95)] * 4,
    *[Skill("good", 0.90)] * 4,
    Skill("average", 0.80),
    Skill("average", 0.80),
    Skill("biased", 0.75, drawn_to=0),
    Skill("careless", 0.55),
)


def confusion_matrix(skill: Skill, classes: Sequence[str]) -> list[list[float]]:
    """Row: true class; column: probability of answering that class."""
    matrix = []
    for true in range(len(classes)):
        wrong = [other for other in range(len(classes)) if other != true]
        row = [0.0] * len(classes)
        row[true] = skill.right
        if skill.drawn_to is not None and skill.drawn_to != true:
            row[skill.drawn_to] = round(1 - skill.right, 4)
        else:
            for other in wrong:
                row[other] = round((1 - skill.right) / len(wrong), 4)
        matrix.append(row)
    return matrix


@dataclass
class Worker:
    """One annotator with an account of its own."""

    index: int
    skill: Skill
    client: Client
    seed: int
    answered: int = 0
    right: int = 0
    stopped: bool = False
    problems: list[str] = field(default_factory=list)

    def label(self, text: str, truth: Mapping[str, str], classes: Sequence[str]) -> tuple[str, int]:
        """Answer and time taken: depends on who and on what, not on when."""
        chance = random.Random(f"{self.seed}:{self.index}:{text}")
        row = confusion_matrix(self.skill, classes)[classes.index(truth[text])]
        return chance.choices(classes, row)[0], chance.randint(1_800, 6_000)

    def work(self, order_id: str, truth: Mapping[str, str], classes: Sequence[str]) -> None:
        """Take tasks and answer them until the order has none left for this annotator."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            batch = self.client.work.lease(order_id, LEASES)
            for task in batch.tasks:
                text = task.data["text"]
                label, elapsed_ms = self.label(text, truth, classes)
                self.client.work.submit(task, {"label": label}, elapsed_ms=elapsed_ms)
                self.answered += 1
                self.right += label == truth[text]
            if not batch.tasks and not batch.remaining:
                return
            if not batch.tasks:
                time.sleep(max(0.5, min(batch.retry_after_s, 5)))
        self.problems.append(f"still had no end of tasks after {PATIENCE_S} s")


def work_in_threads(workers: Sequence[Worker], order_id: str, truth: Mapping[str, str], classes: Sequence[str]) -> None:
    """All annotators at once; what goes wrong for one is kept in its `problems`."""

    def run(worker: Worker) -> None:
        try:
            worker.work(order_id, truth, classes)
        except ApiError as error:
            if error.code == "standing_lost":  # its checks at work: the weakest annotators get no more tasks
                worker.stopped = True
            elif error.status not in (404, 409):  # the order has ended in the meantime
                worker.problems.append(str(error))
        except Exception as error:  # a thread's exception would otherwise be lost
            worker.problems.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, args=(worker,), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
