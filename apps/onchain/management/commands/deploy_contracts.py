"""`manage.py deploy_contracts`: put the contracts on the chain, where they are missing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from pydantic import ValidationError

from apps.onchain.bridge import Bridge
from chain_bridge.config import BridgeConfig
from chain_bridge.deploy import deploy
from chain_bridge.errors import BridgeError


class Command(BaseCommand):
    """Deploys what the chain lacks and records the addresses; run again, it changes nothing."""

    help = "Deploy the contracts that the chain lacks and record their addresses."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            config = BridgeConfig()
            deployment = deploy(config)
            Bridge(config).check_chain()
        except (ValidationError, BridgeError) as error:
            raise CommandError(str(error)) from error
        for name, contract in deployment.contracts.items():
            word = "created" if name in deployment.created else "found"
            self.stdout.write(f"{name} {contract.address} ({word})")
