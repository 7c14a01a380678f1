"""`manage.py replay_answers`: recorded crowd answers through the real services, bought only when the platform asks."""

from __future__ import annotations

import json
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.errors import DomainError
from apps.labeling.adaptive import LEAST_TARGET, MOST_TARGET
from apps.labeling.quality import figures
from apps.labeling.quality.records import Recorded, read_records
from apps.labeling.services.replaying import Replayed, check_replayable, replay_answers


class Command(BaseCommand):
    """Prints one JSON object as its last line."""

    help = (
        "Replay recorded answers (CSV or JSON lines: worker, item, label): the platform decides which labels it asks "
        "for, and whom among the workers with a recorded answer to the item. Everything happens in a workspace of "
        "its own that is gone afterwards. Of an item and worker that come twice the first label in alphabetical "
        "order counts."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--answers", type=Path, required=True, help="CSV or JSON lines: worker, item, label")
        parser.add_argument("--items", type=Path, help="CSV or JSON lines: item; left out: those that were answered")
        parser.add_argument("--gold", type=Path, help="CSV or JSON lines: item, label; only for the figures")
        parser.add_argument("--target", type=_target, default=0.95, help="how probable each label must be")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        try:
            recorded = read_records(options["answers"], options["items"], options["gold"])
            check_replayable(recorded)
        except DomainError as error:
            raise CommandError("\n".join([error.message, *(one["message"] for one in error.errors)])) from error
        if recorded.repeated_pairs:
            self.stderr.write(
                f"{recorded.repeated_pairs} rows repeat a pair of item and worker; the first label in alphabetical "
                "order counts."
            )
        replayed = replay_answers(recorded, target=options["target"], progress=self.stderr.write)
        # Not in the result: that is the same each time, whatever the order of the rows.
        self.stderr.write(f"{time.monotonic() - started:.1f} seconds")
        self.stdout.write(json.dumps(_figures(recorded, replayed)))


def _figures(recorded: Recorded, replayed: Replayed) -> dict[str, Any]:
    known, results = recorded.known, replayed.results
    share, right = figures.sureness(results, known)
    return {
        "accuracy": figures.accuracy({item: label for item, (label, _) in results.items()}, known),
        "labels_per_item": round(replayed.labels / len(results), 4),
        "full_accuracy": figures.model_accuracy(recorded.answers, known) if known else None,
        "majority_accuracy": figures.majority_accuracy(recorded.answers, known),
        "dawid_skene_accuracy": figures.dawid_skene_accuracy(recorded.answers, known),
        "sure95_share": share,
        "sure95_right": right,
        "repeated_pairs": recorded.repeated_pairs,
        "items": len(results),
        "items_without_answers": len(recorded.items) - len(results),
        "present": "recorded workers; the platform chooses among those with a recorded answer to the item",
    }


def _target(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not LEAST_TARGET <= value <= MOST_TARGET:
        raise ArgumentTypeError(f"{text} is not a probability from {LEAST_TARGET} to {MOST_TARGET}, such as 0.95")
    return value
