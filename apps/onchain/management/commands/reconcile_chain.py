"""`manage.py reconcile_chain`: prove that the database and the chain say the same."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from pydantic import ValidationError

from apps.onchain.reconciliation import reconcile
from chain_bridge.config import ReaderConfig
from chain_bridge.deploy import load_contracts
from chain_bridge.errors import BridgeError


class Command(BaseCommand):
    """Prints each difference; the exit status is 1 when there is one."""

    help = "Compare everything that the platform and the chain both know, item by item."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            config = ReaderConfig()
            result = reconcile(config, load_contracts(config.addresses_file, config.chain_id))
        except (ValidationError, BridgeError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Compared as of block {result.block}:")
        for name, count in result.checks.items():
            self.stdout.write(f"  {name}: {f'{count} differences' if count else 'agrees'}")
        for sentence in result.differences:
            self.stdout.write(sentence)
        if not result.agrees:
            raise CommandError(f"{sum(result.checks.values())} differences between the platform and the chain")
        self.stdout.write("The platform and the chain agree.")
