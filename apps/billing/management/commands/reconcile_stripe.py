"""`manage.py reconcile_stripe`: the processor's books of a day against the ledger; says what differs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.billing import selectors, services
from apps.core import clock
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.tenancy.types import PLATFORM_ID, Actor


class Command(BaseCommand):
    """Exits with 1 where anything differs."""

    help = "Compare a day at Stripe with the ledger, make up for missed webhooks, and list what still differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--day", type=date.fromisoformat, help="YYYY-MM-DD (UTC); yesterday where left out")

    def handle(self, *_: Any, **options: Any) -> None:
        day: date = options["day"] or clock.now().date() - timedelta(days=1)
        done = services.reconcile(day)
        self.stdout.write(
            f"{day}: {done.movements} lines at Stripe, {Money(done.gross)} gross, {Money(done.fees)} fees, "
            f"{done.applied} missed payments made up for"
        )
        with tenant_scope(PLATFORM_ID):
            found = list(selectors.differences(Actor.system(PLATFORM_ID)).filter(reconciliation=done))
        for row in found:
            here, there = (Money(units or 0) for units in (row.here, row.there))
            self.stdout.write(f"  {row.what} {row.processor_id}: {row.get_kind_display()}: {there} there, {here} here")
        if found:
            raise CommandError(f"{len(found)} differences")
        self.stdout.write("no differences")
