"""`manage.py shred_organisation ID --yes`: destroy all documents of an organisation and the keys to them."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.tenant import tenant_scope
from apps.knowledge.services import shred_organisation


class Command(BaseCommand):
    """There is no way back, also not from backups of the storage."""

    help = "Delete every document of an organisation with passages, embeddings and postings, and destroy its keys."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organisation", type=UUID)
        parser.add_argument("--yes", action="store_true", help="it cannot be undone, and that is meant")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["yes"]:
            raise CommandError("This cannot be undone. Say --yes.")
        with tenant_scope(options["organisation"]):
            count = shred_organisation(organisation_id=options["organisation"])
        self.stdout.write(json.dumps({"documents": count}))
