"""`manage.py evaluate_answers --corpus C.jsonl --questions Q.jsonl`: citations, abstention, a plain baseline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.errors import DomainError
from apps.knowledge.services.evaluating_answers import evaluate_answers


class Command(BaseCommand):
    """Prints one JSON object as its last line."""

    help = (
        "Ingest a corpus into a workspace of its own that is gone afterwards, ask every question, and print how often "
        "the sentence with the answer is cited first and within five, whether every citation resolves, and how well "
        "confidence tells questions with an answer from those without; the same for a plain search by meaning. "
        "Corpus lines: _id, text, title (optional). Question lines: question, context_id, answer, answer_start, or "
        "answerable false. Where all are answerable, unanswerable ones are made by leaving sentences out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--corpus", type=Path, required=True)
        parser.add_argument("--questions", type=Path, required=True)
        parser.add_argument("--sample", type=int, default=400, help="questions that abstention is measured on (400)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _, found = evaluate_answers(options["corpus"], options["questions"], options["sample"], self.stderr.write)
        except OSError as error:
            raise CommandError(str(error)) from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(json.dumps(found, ensure_ascii=False))
