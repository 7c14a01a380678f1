"""`manage.py replay_predictions`: what auto-annotation reaches on texts whose labels are known."""

from __future__ import annotations

import json
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.errors import DomainError
from apps.labeling.machine.embedding import embed_texts, read_vectors
from apps.labeling.machine.items import Items, read_items
from apps.labeling.machine.replay import Known, replay


class Command(BaseCommand):
    """Runs the loop with a simulated person; the last line of the output is one JSON object."""

    help = (
        "Run auto-annotation over texts with known labels (CSV or JSONL: text, label, and if wanted split, "
        "out_of_scope) and compare it with random order and margin sampling. Nothing is stored."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--items", type=Path, required=True, help="CSV or JSONL file")
        parser.add_argument("--target", type=_share, default=0.95, help="accuracy to reach and precision to promise")
        parser.add_argument("--embeddings", type=Path, help=".npy with a row for each item, instead of the runner's")
        parser.add_argument("--cache", type=Path, help="where embeddings are kept (default: var/embeddings)")
        parser.add_argument("--seeds", type=_seeds, default=3, help="how many times, with different seeds")
        parser.add_argument("--out-of-scope", help="label of rows that belong to no class (also known: oos)")

        parser.add_argument("--same", action="store_true", help="also compare with both, learning as our machine does")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        try:
            items = read_items(options["items"], out_of_scope=options["out_of_scope"])
            vectors = self._vectors(items, options)
        except DomainError as error:
            rows = [
                f"row {one['row']}, {one['field']}: {one['message']}"
                for one in error.context.get("errors", [])
                if "row" in one
            ]
            raise CommandError("\n".join([error.message, *rows])) from error
        embedded = time.monotonic()
        known = Known.of(items, vectors)
        result = replay(
            known, target=options["target"], seeds=options["seeds"], same=options["same"], progress=self._say
        )
        result["embedding_seconds"] = round(embedded - started, 1)
        result["seconds"] = round(time.monotonic() - started, 1)
        self.stdout.write(json.dumps(result))

    def _vectors(self, items: Items, options: dict[str, Any]) -> Any:
        if options["embeddings"] is not None:
            return read_vectors(options["embeddings"], len(items.texts))
        cache = options["cache"] or settings.BASE_DIR / "var" / "embeddings"
        return embed_texts(
            items.texts, cache, progress=lambda done: self._say(f"embedded {done} of {len(items.texts)} texts")
        )

    def _say(self, sentence: str) -> None:
        self.stderr.write(sentence)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 0.995:
        raise ArgumentTypeError(f"{text} is not a share between 0.5 and 0.995, such as 0.95")
    return value


def _seeds(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 50:
        raise ArgumentTypeError(f"{text} is not a number from 1 to 50")
    return int(text)
