"""Signals on simulated crowds: each kind of cheating is seen, and honest crowds are left alone.

Measured here: in 60 honest crowds of 24 annotators (1,440 annotators, of 70 to 97 % accuracy, times that differ by a
factor of two, hard items, skewed classes) at most 2 annotators have any signal, which is 0.14 %.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from apps.labeling.quality.signals import Seen, SignalKind, signals

ITEMS, REDUNDANCY, CROWD = 240, 4, 24
Chooser = Callable[[random.Random, int, str, str], str]


def crowd(seed: int, *, classes: Sequence[str] = ("a", "b", "c"), skew: float = 1.0, hard: float = 0.1) -> list[Seen]:
    """Answers of honest annotators to `ITEMS` items, `REDUNDANCY` each, annotators in random order."""
    chance = random.Random(seed)
    weights = [skew**-n for n in range(len(classes))]
    truths = chance.choices(classes, weights, k=ITEMS)
    # A hard item looks like another class to most.
    looks = [chance.choice(classes) if chance.random() < hard else truth for truth in truths]
    skill = [chance.uniform(0.7, 0.97) for _ in range(CROWD)]
    pace = [chance.lognormvariate(8, 0.35) for _ in range(CROWD)]
    found = []
    for item in range(ITEMS):
        for who in chance.sample(range(CROWD), REDUNDANCY):
            key = looks[item] if chance.random() < skill[who] else chance.choice(classes)
            elapsed = int(pace[who] * chance.lognormvariate(0, 0.5))
            found.append(Seen(str(item), f"w{who}", key, elapsed))
    return found


def seen_in(answers: Sequence[Seen], checks: dict[str, tuple[int, int]] | None = None) -> dict[str, set[str]]:
    """Kinds of signal by annotator."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in signals(answers, checks or {}):
        found[one.annotator].add(one.kind.value)
    return dict(found)


def with_cheats(seed: int, names: Sequence[str], choose: Chooser, items: int = 60, elapsed: int = 4_000) -> list[Seen]:
    """An honest crowd and some who answer by `choose(chance, number, item, name)` the same items."""
    chance = random.Random(seed)
    answers = crowd(seed)
    picked = chance.sample(range(ITEMS), items)
    for name in names:
        answers += [Seen(str(one), name, choose(chance, n, str(one), name), elapsed) for n, one in enumerate(picked)]
    return answers


def test_honest_crowds_are_left_alone():
    alarms = []
    for seed in range(60):
        shape: dict[str, Any] = (
            {},
            {"classes": ("a", "b"), "skew": 9.0},
            {"classes": "abcdefgh"},
            {"hard": 0.3},
        )[seed % 4]
        answers = crowd(seed, **shape)
        chance = random.Random(seed)
        checks = {f"w{n}": (10, sum(chance.random() < 0.9 for _ in range(10))) for n in range(CROWD)}
        alarms += [(seed, who, kinds) for who, kinds in seen_in(answers, checks).items()]
    assert len(alarms) <= 2, alarms


def found_in(build: Callable[[int], dict[str, set[str]]], name: str, kind: str, crowds: int = 10) -> int:
    """In how many crowds a cheat is seen."""
    return sum(kind in build(seed).get(name, set()) for seed in range(crowds))


@pytest.mark.parametrize(
    ("choose", "kind"),
    [
        (lambda chance, n, item, name: "a", "pattern"),
        (lambda chance, n, item, name: "abc"[n % 3], "pattern"),
        (lambda chance, n, item, name: "ab"[n % 2], "pattern"),
        (lambda chance, n, item, name: "abc"[n // 20], "pattern"),
    ],
)
def test_one_key_and_cycles_are_seen(choose, kind):
    assert found_in(lambda seed: seen_in(with_cheats(seed, ["cheat"], choose)), "cheat", kind) == 10


def test_too_fast_is_seen_against_the_orders_own_pace():
    def hurried(seed: int) -> dict[str, set[str]]:
        return seen_in(with_cheats(seed, ["cheat"], lambda chance, n, item, name: chance.choice("abc"), elapsed=400))

    assert found_in(hurried, "cheat", "speed") == 10


def test_a_pair_that_answers_together_is_seen_and_told_apart_from_good_annotators():
    def together(chance: random.Random, n: int, item: str, name: str) -> str:
        return random.Random(f"pact {item}").choice("abc")

    def crowds(seed: int) -> dict[str, set[str]]:
        return seen_in(with_cheats(seed, ["one", "two"], together))

    assert found_in(crowds, "one", "collusion") >= 9
    assert found_in(crowds, "two", "collusion") >= 9
    for seed in range(5):
        others = {who for who, kinds in crowds(seed).items() if "collusion" in kinds} - {"one", "two"}
        assert others == set()


def test_chance_alone_is_no_collusion():
    """Two who guess, each for itself, agree as often as guesses do."""

    def guess(chance: random.Random, n: int, item: str, name: str) -> str:
        return random.Random(f"{name} {item}").choice("abc")

    for seed in range(10):
        assert "collusion" not in seen_in(with_cheats(seed, ["one", "two"], guess)).get("one", set())


def test_copied_texts_are_seen():
    own = [
        Seen(str(n), "writer", "", 9_000, f"The picture number {n} shows a harbour with {n + 2} boats.")
        for n in range(20)
    ]
    same = [Seen(str(n), "paster", "", 9_000, "A nice picture of something that I see here.") for n in range(20)]
    copy = [Seen(one.item, "copier", "", 9_000, one.text.upper() + " ") for one in own]
    assert seen_in(own) == {}
    assert seen_in(own + same) == {"paster": {"duplicates"}}
    both = seen_in(own + copy)
    # Who copied from whom is for people to find out.
    assert both == {"writer": {"duplicates"}, "copier": {"duplicates"}}


def test_missed_check_questions_count_against_what_others_get_right():
    good = {f"w{n}": (10, 9) for n in range(10)}
    assert seen_in([], good | {"cheat": (10, 3)}) == {"cheat": {"checks"}}
    assert seen_in([], good | {"unlucky": (10, 6)}) == {}
    # Questions that everybody misses are the requester's fault.
    assert seen_in([], {f"w{n}": (10, 3) for n in range(10)}) == {}


def test_each_kind_is_told_once_with_figures_in_words():
    found = signals(with_cheats(1, ["cheat"], lambda chance, n, item, name: "a", elapsed=300), {})
    mine = [one for one in found if one.annotator == "cheat"]
    assert [one.kind for one in mine] == [SignalKind.PATTERN, SignalKind.SPEED]
    assert all(one.message and one.figures for one in mine)
