"""`manage.py evaluate_extraction FILE...`: how much of a document an asker gets who wants all of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.agents.services.extraction import evaluate_extraction
from apps.core.errors import DomainError


class Command(BaseCommand):
    """Prints one JSON object a line, for each document."""

    help = (
        "Read each document into a workspace of its own that is gone afterwards, ask about every sentence of it as "
        "somebody outside of the organisation, and print the share of its letters that came back in runs of at least "
        "24, with and without the limits, for an agent that quotes and for a model that writes down all it is given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("documents", type=Path, nargs="+")
        parser.add_argument("--limits", type=int, nargs=2, metavar=("LETTERS", "PERCENT"), help="not the defaults")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            limits = tuple(options["limits"]) if options["limits"] else None
            for document in options["documents"]:
                found = evaluate_extraction(document, limits, self.stderr.write)
                self.stdout.write(json.dumps(found, ensure_ascii=False))
        except OSError as error:
            raise CommandError(str(error)) from error
        except DomainError as error:
            raise CommandError(error.message) from error
