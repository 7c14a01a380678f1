"""`manage.py reconcile_chain`: prove that the database and the chain say the same."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from pydantic import ValidationError

from apps.onchain.comparison import differences
from chain_bridge.config import BridgeConfig
from chain_bridge.deploy import load_contracts
from chain_bridge.errors import BridgeError


class Command(BaseCommand):
    """Prints each difference; the exit status is 1 when there is one."""

    help = "Compare every transaction, nonce, event and payout with the chain, item by item."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            config = BridgeConfig()
            found = list(differences(config, load_contracts(config.addresses_file, config.chain_id)))
        except (ValidationError, BridgeError) as error:
            raise CommandError(str(error)) from error
        for sentence in found:
            self.stdout.write(sentence)
        if found:
            raise CommandError(f"{len(found)} differences between the database and the chain")
        self.stdout.write("The database and the chain agree.")
