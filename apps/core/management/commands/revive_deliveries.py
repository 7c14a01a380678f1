"""`manage.py revive_deliveries`: what the outbox gave up, and one more try for it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.core import outbox


class Command(BaseCommand):
    """List the deliveries that were given up after days of failing, and deliver them again once the cause is gone."""

    help = "Try the outbox's dead deliveries again; with --list only say which there are"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--list", action="store_true", help="change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        dead = outbox.dead_deliveries()
        for delivery in dead:
            cause = delivery.last_error.strip().rpartition("\n")[2]
            self.stdout.write(
                f"{delivery.event.created_at:%Y-%m-%d %H:%M} {delivery.event} -> {delivery.handler}: {cause}"
            )
        if options["list"]:
            self.stdout.write(f"{len(dead)} dead deliveries")
        else:
            self.stdout.write(f"{outbox.revive_dead_deliveries()} dead deliveries will be tried again")
