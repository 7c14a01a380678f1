"""`python -m sahara_platform.embedded.checkout`: configured by CHECKOUT_*, LOCALSTRIPE_URL and STRIPE_* variables."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from aiohttp import web

from sahara_platform.embedded.checkout.server import CheckoutServer, Configuration
from sahara_platform.embedded.checkout.webhooks import Receiver
from sahara_platform.embedded.process import LOOPBACK


def main() -> None:
    """Serve until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    configuration = Configuration(
        port=int(os.environ["CHECKOUT_PORT"]),
        state_dir=Path(os.environ["CHECKOUT_STATE_DIR"]),
        processor_url=os.environ["LOCALSTRIPE_URL"],
        api_key=os.environ["STRIPE_API_KEY"],
        receiver=Receiver(url=os.environ["CHECKOUT_WEBHOOK_URL"], secret=os.environ["STRIPE_WEBHOOK_SECRET"]),
    )
    application = CheckoutServer(configuration).application()
    web.run_app(application, host=LOOPBACK, port=configuration.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
