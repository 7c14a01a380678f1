"""`python -m benchmarks.redundancy FOLDER …`: what routing buys on recorded answers, without a database.

Each folder holds answers.csv (item, worker, label) and gold.csv (item, label). One JSON line a folder: the same figures
as `manage.py replay_answers`, in seconds instead of minutes, for the work on `apps.labeling.quality`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from apps.labeling.quality import figures
from apps.labeling.quality.choice import opinion
from apps.labeling.quality.crowd import crowd_of
from apps.labeling.quality.records import Recorded, read_records
from apps.labeling.quality.routing import Terms, wanted_labels

MOST_REDUNDANCY = 25


def main() -> None:
    """Simulate every folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--target", type=float, default=0.95)
    arguments = parser.parse_args()
    for folder in arguments.folders:
        started = time.monotonic()
        recorded = read_records(folder / "answers.csv", known=folder / "gold.csv")
        found = simulate(recorded, arguments.target)
        print(json.dumps({"set": folder.name, **found, "seconds": round(time.monotonic() - started, 1)}), flush=True)


def simulate(recorded: Recorded, target: float) -> dict[str, Any]:
    """Buy labels as routing asks for them; figures of what was bought and of all answers."""
    left: dict[str, dict[str, str]] = defaultdict(dict)
    for item, worker, label in recorded.answers:
        left[item][worker] = label
    items = sorted(left, key=lambda item: hashlib.sha256(item.encode()).digest())
    terms = Terms(target, min(MOST_REDUNDANCY, -(-len(recorded.answers) // len(items))))
    bought: list[tuple[str, str, str]] = []
    while wanted := wanted_labels(
        crowd_of(bought, recorded.classes), items, {item: list(answers) for item, answers in left.items()}, terms
    ):
        bought += [(one.item, one.workers[0], left[one.item].pop(one.workers[0])) for one in wanted]
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
        "majority_accuracy": figures.majority_accuracy(recorded.answers, recorded.known),
        "sure95_share": share,
        "sure95_right": right,
    }


if __name__ == "__main__":
    main()
