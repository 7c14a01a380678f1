"""Signs that an annotator may not be reading the tasks. They lead to a review by people and decide nothing.

Each is measured against the same order's own crowd, for what is fast or frequent depends on the task. The bars are set
so that honest crowds hardly ever cross them; the tests on simulated crowds state how often they do.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any

#: Fewer answers of somebody say nothing.
MIN_ANSWERS = 20
#: Fewer annotators with so many answers are no crowd to compare with.
MIN_CROWD = 5
#: How unlikely a pattern must be in an honest annotator's answers, before it is shared among all annotators.
UNLIKELY = 1e-4
#: Standard deviations of the crowd's own spread.
FAR = 5.0
#: The typical answer must take at least so many times as long.
FAST_RATIO = 3.0
MIN_PAIR_ITEMS = 20
#: Pairs with fewer common items say nothing about how far honest pairs stray.
MIN_SHARED = 4
#: How much more often a pair must agree than their agreement with others explains.
EXCESS_AGREEMENT = 0.15
MIN_CHECKS = 6
PASS_SHARE = 0.7
MIN_TEXT = 30
MIN_REPEATS = 5
REPEATED_SHARE = 0.3


class SignalKind(StrEnum):
    """What was seen."""

    SPEED = "speed"
    PATTERN = "pattern"
    COLLUSION = "collusion"
    DUPLICATES = "duplicates"
    CHECKS = "checks"


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer of an order, in the order in which its annotator gave them.

    Attributes:
        key: a choice as text; "" where equal answers say nothing (boxes, free text).
        text: what was written, all free text together; "" where there is none.
    """

    item: str
    annotator: str
    key: str
    elapsed_ms: int
    text: str = ""


@dataclass(frozen=True)
class Signal:
    """Something to look at, with its figures."""

    kind: SignalKind
    annotator: str
    message: str
    figures: dict[str, Any] = field(default_factory=dict)


def signals(answers: Sequence[Seen], checks: Mapping[str, tuple[int, int]]) -> list[Signal]:
    """All that is seen in an order's answers, at most one of a kind for each annotator.

    Args:
        checks: annotator -> (check questions seen, right).
    """
    by_annotator: dict[str, list[Seen]] = defaultdict(list)
    for one in answers:
        by_annotator[one.annotator].append(one)
    found = [*speed(by_annotator), *patterns(by_annotator), *collusion(answers), *duplicates(by_annotator)]
    found += failed(checks)
    first: dict[tuple[str, SignalKind], Signal] = {}
    for signal in found:
        first.setdefault((signal.annotator, signal.kind), signal)
    return [first[key] for key in sorted(first)]


def speed(by_annotator: Mapping[str, Sequence[Seen]]) -> list[Signal]:
    """Annotators whose typical time lies far below the order's other annotators'."""
    import numpy as np  # the web process has no need of it

    medians: dict[str, float] = {}
    for annotator, answers in by_annotator.items():
        times = [one.elapsed_ms for one in answers if one.elapsed_ms > 0]
        if len(times) >= MIN_ANSWERS:
            medians[annotator] = float(np.median(times))
    if len(medians) < MIN_CROWD:
        return []
    logs = np.log(list(medians.values()))
    centre = float(np.median(logs))
    spread = max(0.2, 1.4826 * float(np.median(np.abs(logs - centre))))
    typical = math.exp(centre)
    found = []
    for annotator, median in medians.items():
        distance = (centre - math.log(median)) / spread
        # Several people answer three times as fast as others where tasks are easy: both bars must be crossed.
        if distance >= FAR / 2 and median * FAST_RATIO <= typical:
            figures = {
                "median_s": round(median / 1000, 2),
                "crowd_median_s": round(typical / 1000, 2),
                "answers": len(by_annotator[annotator]),
                "spreads_below": round(distance, 1),
            }
            message = (
                f"Half of the answers took less than {median / 1000:.1f} s; the order's annotators typically take "
                f"{typical / 1000:.1f} s."
            )
            found.append(Signal(SignalKind.SPEED, annotator, message, figures))
    return found


def patterns(by_annotator: Mapping[str, Sequence[Seen]]) -> list[Signal]:
    """Annotators whose choices follow from the ones before instead of from the items, which come in random order."""
    counts = Counter(one.key for answers in by_annotator.values() for one in answers if one.key)
    total = sum(counts.values())
    if len(counts) < 2:
        return []
    bar = UNLIKELY / max(1, len(by_annotator))
    found = []
    for annotator, answers in sorted(by_annotator.items()):
        keys = [one.key for one in answers if one.key]
        if len(keys) < MIN_ANSWERS:
            continue
        signal = _same_key(annotator, keys, counts, total, bar) or _repeats(annotator, keys, bar)
        if signal is not None:
            found.append(signal)
    return found


def _same_key(annotator: str, keys: Sequence[str], counts: Counter[str], total: int, bar: float) -> Signal | None:
    """A run of one choice that is too long for how often others choose it."""
    key, length = _longest_run(keys)
    own = Counter(keys)
    others = max(1, total - len(keys))
    # An honest annotator may like a choice more than others do: half of the way there is granted.
    share = (counts[key] - own[key] + 1) / (others + len(counts))
    share += 0.5 * min(0.3, max(0.0, own[key] / len(keys) - share))
    chance = min(1.0, (len(keys) - length + 1) * share**length)
    if chance >= bar:
        return None
    message = (
        f"“{key[:60]}” was chosen {length} times in a row; others choose it in {share * 100:.0f} % of their answers, "
        "so such a run hardly comes by chance."
    )
    figures = {"run": length, "choice": key[:60], "others_percent": round(share * 100, 1), "answers": len(keys)}
    return Signal(SignalKind.PATTERN, annotator, message, figures)


def _longest_run(keys: Sequence[str]) -> tuple[str, int]:
    best, length, run = keys[0], 1, 1
    for before, now in pairwise(keys):
        run = run + 1 if now == before else 1
        if run > length:
            best, length = now, run
    return best, length


def _repeats(annotator: str, keys: Sequence[str], bar: float) -> Signal | None:
    """A cycle such as A B A B: the choice some places before tells the next one."""
    for lag in (1, 2, 3, 4):
        chance, told = _lag_dependence(keys, lag)
        # Both: no accident, and strong. A weak dependence is left alone however sure it is.
        if chance < bar / 4 and told >= 0.5:
            message = (
                f"The choices follow a pattern: the one {lag} before tells {told * 100:.0f} % of the next, though the "
                "items come in random order."
            )
            figures = {"lag": lag, "told_percent": round(told * 100, 1), "answers": len(keys)}
            return Signal(SignalKind.PATTERN, annotator, message, figures)
    return None


def _lag_dependence(keys: Sequence[str], lag: int) -> tuple[float, float]:
    """(probability under independence, share of the entropy explained) of each choice by the one `lag` before."""
    pairs = Counter(zip(keys, keys[lag:], strict=False))
    n = len(keys) - lag
    before, after = Counter(keys[:n]), Counter(keys[lag:])
    if len(before) < 2 or len(after) < 2:
        return 1.0, 0.0
    information = sum(c / n * math.log(c * n / (before[a] * after[b])) for (a, b), c in pairs.items())
    entropy = -sum(c / n * math.log(c / n) for c in after.values())
    return _chi2_tail(2 * n * information, (len(before) - 1) * (len(after) - 1)), information / entropy


def _chi2_tail(value: float, degrees: int) -> float:
    """P(chi-squared >= value), by Wilson and Hilferty's cube root."""
    if value <= 0:
        return 1.0
    spread = 2 / (9 * degrees)
    return _normal_tail(((value / degrees) ** (1 / 3) - (1 - spread)) / math.sqrt(spread))


def _normal_tail(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2))


def collusion(answers: Sequence[Seen]) -> list[Signal]:
    """Pairs that agree with each other far more than with everybody else on the same items.

    With the chance of agreement taken out, the agreement of two independent annotators is about the product of their
    reliabilities, and each one's reliability shows in the agreement with others. How far honest pairs stray from that,
    because some items are harder than others, is taken from the crowd itself.
    """
    import numpy as np  # the web process has no need of it

    table = _Table.of(answers)
    if table is None:
        return []
    agree, shared = table.agreements()
    chance = table.chance
    rows = [(i, j) for i, j in zip(*np.nonzero(np.triu(shared, 1) >= MIN_SHARED), strict=True)]
    if len(rows) < MIN_CROWD:
        return []
    overall = max(0.05, (agree.sum() / shared.sum() - chance) / (1 - chance))
    excess, distance, expected = [], [], []
    for i, j in rows:
        level = [
            max(0.0, ((agree[a].sum() - agree[a, b]) / max(1, shared[a].sum() - shared[a, b]) - chance) / (1 - chance))
            for a, b in ((i, j), (j, i))
        ]
        # reliability_i * mean reliability = kappa_i, and the mean reliability is the root of the overall kappa.
        wanted = chance + (1 - chance) * min(1.0, level[0] * level[1] / overall)
        wanted = min(0.98, max(0.02, wanted))
        seen = agree[i, j] / shared[i, j]
        expected.append(wanted)
        excess.append(seen - wanted)
        distance.append((seen - wanted) / math.sqrt(wanted * (1 - wanted) / shared[i, j]))
    middle = float(np.median(distance))
    spread = max(1.0, 1.4826 * float(np.median(np.abs(np.array(distance) - middle))))
    found = []
    for (i, j), more, far, wanted in zip(rows, excess, distance, expected, strict=True):
        if shared[i, j] < MIN_PAIR_ITEMS or (far - middle) / spread < FAR or more < EXCESS_AGREEMENT:
            continue
        against = table.same_against_others(i, j)
        if against < MIN_REPEATS:
            continue
        figures = {
            "items": int(shared[i, j]),
            "same_percent": round(100 * agree[i, j] / shared[i, j], 1),
            "expected_percent": round(100 * wanted, 1),
            "same_against_others": against,
        }
        message = (
            f"On {int(shared[i, j])} common items {figures['same_percent']} % of the answers are the same as one other "
            f"annotator's; {figures['expected_percent']} % would follow from how both agree with the rest. {against} "
            "times both said the same where all others said something else."
        )
        for one, other in ((i, j), (j, i)):
            names = table.annotators
            found.append(Signal(SignalKind.COLLUSION, names[one], message, figures | {"with": names[other]}))
    return sorted(found, key=lambda one: (one.annotator, -one.figures["same_percent"]))


class _Table:
    """Choices as a matrix of annotators by items; 0 where there is none."""

    def __init__(self, annotators: list[str], matrix: Any, chance: float) -> None:
        self.annotators = annotators
        self.matrix = matrix
        self.chance = chance

    @classmethod
    def of(cls, answers: Sequence[Seen]) -> _Table | None:
        """None where there is no crowd or nothing to choose from."""
        import numpy as np  # the web process has no need of it

        given = Counter(one.annotator for one in answers if one.key)
        annotators = sorted(name for name, count in given.items() if count >= MIN_PAIR_ITEMS)
        keys = Counter(one.key for one in answers if one.key)
        if len(annotators) < MIN_CROWD or len(keys) < 2:
            return None
        row = {name: n for n, name in enumerate(annotators)}
        column = {name: n for n, name in enumerate(sorted({one.item for one in answers}))}
        code = {name: n for n, name in enumerate(sorted(keys), start=1)}
        matrix = np.zeros((len(row), len(column)), dtype=np.int32)
        for one in answers:
            if one.key and one.annotator in row:
                matrix[row[one.annotator], column[one.item]] = code[one.key]
        total = sum(keys.values())
        return cls(annotators, matrix, min(0.98, sum((count / total) ** 2 for count in keys.values())))

    def agreements(self) -> tuple[Any, Any]:
        """(items answered alike, items answered by both), for each two annotators."""
        import numpy as np  # the web process has no need of it

        given = (self.matrix > 0).astype(np.float64)
        shared = given @ given.T
        agree = np.zeros_like(shared)
        for code in range(1, int(self.matrix.max()) + 1):
            chosen = (self.matrix == code).astype(np.float64)
            agree += chosen @ chosen.T
        np.fill_diagonal(shared, 0)
        np.fill_diagonal(agree, 0)
        return agree, shared

    def same_against_others(self, i: int, j: int) -> int:
        """Items on which the two say the same and everybody else, at least one, says something else."""
        import numpy as np  # the web process has no need of it

        same = (self.matrix[i] > 0) & (self.matrix[i] == self.matrix[j])
        others = np.delete(self.matrix[:, same], [i, j], axis=0)
        answered = (others > 0).sum(axis=0)
        alike = ((others > 0) & (others == self.matrix[i, same])).sum(axis=0)
        return int(((answered > 0) & (alike == 0)).sum())


def duplicates(by_annotator: Mapping[str, Sequence[Seen]]) -> list[Signal]:
    """Annotators who write the same text for many items, or the same as another for the same item."""
    written: dict[tuple[str, str], set[str]] = defaultdict(set)
    for annotator, answers in by_annotator.items():
        for one in answers:
            if len(one.text) >= MIN_TEXT:
                written[one.item, _plain(one.text)].add(annotator)
    found = []
    for annotator, answers in sorted(by_annotator.items()):
        texts = [(one.item, _plain(one.text)) for one in answers if len(one.text) >= MIN_TEXT]
        if len(texts) < MIN_ANSWERS // 2:
            continue
        times = Counter(text for _, text in texts)
        own = sum(count - 1 for count in times.values())
        copied = sum(len(written[item, text]) > 1 for item, text in texts)
        for count, what in ((own, "are repeated from other items"), (copied, "are the same as another annotator's")):
            if count >= MIN_REPEATS and count >= REPEATED_SHARE * len(texts):
                message = f"{count} of {len(texts)} longer texts {what}, word for word."
                figures = {"texts": len(texts), "own_repeated": own, "same_as_others": copied}
                found.append(Signal(SignalKind.DUPLICATES, annotator, message, figures))
                break
    return found


def _plain(text: str) -> str:
    """Without case, punctuation and spaces, which a copy is easily dressed with."""
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def failed(checks: Mapping[str, tuple[int, int]]) -> list[Signal]:
    """Annotators whose check questions are wrong far more often than others'."""
    seen_by_all = sum(seen for seen, _ in checks.values())
    right_by_all = sum(right for _, right in checks.values())
    found = []
    for annotator, (seen, right) in sorted(checks.items()):
        if seen < MIN_CHECKS or right >= PASS_SHARE * seen:
            continue
        # Questions that everybody misses are the requester's fault: compare with the others.
        others = (right_by_all - right + 1) / (seen_by_all - seen + 2)
        chance = sum(math.comb(seen, n) * others**n * (1 - others) ** (seen - n) for n in range(right + 1))
        if chance < UNLIKELY * 10 and others > PASS_SHARE:
            message = f"{right} of {seen} check questions were right; others get {others * 100:.0f} % of them right."
            figures = {"seen": seen, "right": right, "others_percent": round(others * 100, 1)}
            found.append(Signal(SignalKind.CHECKS, annotator, message, figures))
    return found
