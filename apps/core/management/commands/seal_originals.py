"""`manage.py seal_originals`: encrypt files that were stored before there were keys."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.core.vault import seal_plain


class Command(BaseCommand):
    """The platform may run meanwhile. Broken off, it goes on where it stopped when it is run again."""

    help = "Encrypt originals that were stored before there were keys, in their places."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, help="stop after so many")

    def handle(self, *args: Any, **options: Any) -> None:
        sealed, lost = seal_plain(options["limit"])
        self.stdout.write(json.dumps({"sealed": sealed, "without_a_file": lost}))
