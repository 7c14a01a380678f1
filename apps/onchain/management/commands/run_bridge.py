"""`manage.py run_bridge`: the bridge process."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from pydantic import ValidationError

from apps.onchain.bridge import Bridge
from chain_bridge.config import BridgeConfig
from chain_bridge.errors import BridgeError


class Command(BaseCommand):
    """Signs, sends and reads the chain until it gets SIGTERM or SIGINT."""

    help = "Run the chain bridge: sign and send intents, read events, keep a heartbeat."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            bridge = Bridge(BridgeConfig())
        except (ValidationError, BridgeError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write("The chain bridge is running.")
        bridge.run(stop)
        self.stdout.write("The chain bridge has stopped.")
