"""`manage.py evaluate_retrieval`: a collection with known answers through the real pipeline, and what is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.errors import DomainError
from apps.knowledge.services.evaluating_retrieval import evaluate_collection, read_collection
from apps.knowledge.types import SearchMode


class Command(BaseCommand):
    """Prints one JSON object as its last line."""

    help = (
        "Ingest a corpus in the layout of BEIR (JSON lines with _id, title, text) into a workspace that is gone "
        "afterwards, ask its queries (JSON lines with _id, text) and compare what is found with the qrels (a table "
        "of query-id, corpus-id, score). The last line is one JSON object of figures."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--corpus", type=Path, required=True, help="JSON lines: _id, title, text")
        parser.add_argument("--queries", type=Path, required=True, help="JSON lines: _id, text")
        parser.add_argument("--qrels", type=Path, required=True, help="tab-separated: query-id, corpus-id, score")
        parser.add_argument("--mode", choices=[mode.value for mode in SearchMode], default=SearchMode.HYBRID.value)
        parser.add_argument("--compare", action="store_true", help="print a line for each of the other modes first")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = SearchMode(options["mode"])
        others = [mode for mode in SearchMode if mode is not wanted] if options["compare"] else []
        try:
            collection = read_collection(options["corpus"], options["queries"], options["qrels"])
            figures = evaluate_collection(collection, [*others, wanted], self.stdout.write)
        except DomainError as error:
            raise CommandError(error.message) from error
        for one in figures.values():
            self.stdout.write(json.dumps(one))
