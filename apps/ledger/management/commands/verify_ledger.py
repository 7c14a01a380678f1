"""`manage.py verify_ledger`: prove that no past transfer was altered; works on a restored backup as well."""

import json
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.ledger.verification import Tally, read_only_connection, verify

PROGRESS_EVERY = 10_000
SHOWN = 200


class Command(BaseCommand):
    """Names every row that is wrong; the exit status is 1 when there is one."""

    help = "Recompute every digest, sequence and balance of the ledger, its holds and checkpoints; name what is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--database", default="default", help="alias of the database to verify")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        tally = Tally(on_progress=self._progress)
        found = []
        with read_only_connection(options["database"]) as connection:
            for finding in verify(connection, tally):
                found.append(finding)
                if not options["json"] and len(found) <= SHOWN:
                    self.stdout.write(str(finding))
        seconds = round(time.monotonic() - started, 2)
        if options["json"]:
            findings = [finding.as_json() for finding in found]
            self.stdout.write(json.dumps({"sound": not found, **tally.as_json(), "s": seconds, "findings": findings}))
        if found:
            raise CommandError(f"{len(found)} findings: the ledger was altered")
        if not options["json"]:
            self.stdout.write(
                f"Sound: {tally.transfers} transfers of {tally.accounts} accounts, {tally.holds} holds,"
                f" {tally.checkpoints} checkpoints, {tally.commitments} of them on chain; {seconds} s."
            )

    def _progress(self, tally: Tally) -> None:
        if tally.transfers % PROGRESS_EVERY == 0:
            sys.stderr.write(f"{tally.transfers} transfers verified\n")
