"""`manage.py evaluate_ingestion DIR`: a folder through the real pipeline, compared with what is expected."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.errors import DomainError
from apps.knowledge.services.evaluating import FileOutcome, evaluate_folder, totals


class Command(BaseCommand):
    """Prints a line a file, and one JSON object as its last line."""

    help = (
        "Upload, read, cut and embed every file below a folder, in a workspace of its own that is gone afterwards. "
        "Where the folder has an expected.jsonl (file, outcome, must_include, must_not_include, table_rows, pages, "
        "slides, rows, password, timeout_s), what is missing is named. Peak memory is that of the reading process."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder with documents")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        try:
            outcomes, is_embedded = evaluate_folder(options["folder"], self._say)
        except DomainError as error:
            raise CommandError(error.message) from error
        if not is_embedded:
            self.stderr.write("The embedding service does not answer: files were read and cut, but not embedded.")
        figures = totals(outcomes, time.monotonic() - started, is_embedded=is_embedded)
        self.stdout.write(json.dumps(figures, ensure_ascii=False))

    def _say(self, one: FileOutcome) -> None:
        mark = "as expected" if one.is_as_expected else "NOT AS EXPECTED"
        figures = f"{one.seconds:.2f} s, {one.peak_mb:.0f} MB, {one.chunks} passages"
        self.stdout.write(f"{one.file}: {one.outcome} ({mark}), {figures}")
        for words in (one.cause, one.notes.replace("\n", " "), *(f"missing: {what}" for what in one.missing)):
            if words:
                self.stdout.write(f"    {words}")
