"""`python -m benchmarks.redundancy [--simulated] [FOLDER …]`: what routing buys on recorded answers, no database.

Each folder holds answers.csv (item, worker, label) and gold.csv (item, label); `--simulated` adds crowds of many kinds
(`benchmarks.crowds`, `benchmarks.other_crowds`). One JSON line each: the figures of `manage.py replay_answers`, in
seconds instead of minutes, and the labels per item that plans with a fixed redundancy need to 98 % of Dawid-Skene's
accuracy on all answers. After each group the means.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from apps.labeling.quality import figures
from apps.labeling.quality.choice import opinion
from apps.labeling.quality.crowd import crowd_of
from apps.labeling.quality.records import Recorded, read_records
from apps.labeling.quality.routing import Terms, plan
from benchmarks.crowds import crowds
from benchmarks.fixed_plans import fixed_plans
from benchmarks.other_crowds import other_crowds

MOST_REDUNDANCY = 25


def main() -> None:
    """Simulate every folder and crowd."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--simulated", action="store_true", help="add crowds of many kinds")
    parser.add_argument("--target", type=float, default=0.95)
    arguments = parser.parse_args()
    recorded = [
        (folder.name, read_records(folder / "answers.csv", known=folder / "gold.csv")) for folder in arguments.folders
    ]
    groups = {"recorded": recorded}
    if arguments.simulated:
        groups |= {"simulated": crowds(), "simulated otherwise": other_crowds()}
    for group, sets in groups.items():
        lines = []
        for name, answers in sets:
            started = time.monotonic()
            lines.append({"set": name, **simulate(answers, arguments.target), **_fixed(answers)})
            print(json.dumps(lines[-1] | {"seconds": round(time.monotonic() - started, 1)}), flush=True)
        print(json.dumps({"group": group} | _means(lines)), flush=True)


def _fixed(recorded: Recorded) -> dict[str, float | None]:
    """What plans with a fixed redundancy reach and need; where labels of all items are known."""
    named = crowd_of(recorded.answers, recorded.classes)
    if any(item not in recorded.known for item in named.items):
        return {}
    truth = np.array([named.classes.index(recorded.known[item]) for item in named.items])
    return {name: value and round(value, 4) for name, value in asdict(fixed_plans(named.crowd, truth)).items()}


def _means(lines: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Over all sets of a group that can be compared."""
    told = [line for line in lines if line.get("dawid_skene_labels")]
    sure = sum(line["sure95_share"] * line["items"] for line in told)
    right = sum(line["sure95_share"] * line["items"] * (line["sure95_right"] or 0) for line in told)
    count = max(1, len(told))
    return {
        "sets": len(told),
        "share_of_fixed_labels": round(sum(x["labels_per_item"] / x["dawid_skene_labels"] for x in told) / count, 4),
        "share_of_dawid_skene": round(sum(x["accuracy"] / x["dawid_skene"] for x in told) / count, 4),
        "full_minus_dawid_skene": round(sum(x["full_accuracy"] - x["dawid_skene"] for x in told) / count, 4),
        "full_minus_majority": round(sum(x["full_accuracy"] - x["majority"] for x in told) / count, 4),
        "sure95_right": round(right / max(1.0, sure), 4),
    }


def simulate(recorded: Recorded, target: float) -> dict[str, Any]:
    """Buy labels as routing asks for them; figures of what was bought and of all answers."""
    left: dict[str, dict[str, str]] = defaultdict(dict)
    for item, worker, label in recorded.answers:
        left[item][worker] = label
    items = sorted(left, key=lambda item: hashlib.sha256(item.encode()).digest())
    terms = Terms(target, min(MOST_REDUNDANCY, -(-len(recorded.answers) // len(items))))
    bought: list[tuple[str, str, str]] = []
    settled: set[str] = set()
    while True:
        present = {item: list(answers) for item, answers in left.items() if item not in settled}
        found = plan(crowd_of(bought, recorded.classes), items, present, terms)
        settled |= found.settled.keys()
        if not found.wanted:
            break
        bought += [(one.item, one.workers[0], left[one.item].pop(one.workers[0])) for one in found.wanted]
    named = crowd_of(bought, recorded.classes)
    judged = opinion(named.crowd)
    results = {
        item: (named.classes[int(label)], float(confidence))
        for item, label, confidence in zip(named.items, judged.label, judged.confidence, strict=True)
    }
    share, right = figures.sureness(results, recorded.known)
    return {
        "accuracy": figures.accuracy({item: label for item, (label, _) in results.items()}, recorded.known),
        "labels_per_item": round(len(bought) / len(items), 3),
        "full_accuracy": figures.model_accuracy(recorded.answers, recorded.known),
        "items": len(items),
        "sure95_share": share,
        "sure95_right": right,
    }


if __name__ == "__main__":
    main()
