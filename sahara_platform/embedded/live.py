"""The application behind a real port, in a thread of this process: for tests and measurements in a browser."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10


@contextmanager
def served() -> Iterator[str]:
    """The address of the application, HTTP and WebSocket, served by uvicorn. Set Django up first."""
    import uvicorn  # only where something is served

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        "sahara_platform.asgi:application", lifespan="off", log_level="warning", ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the application did not start to serve")
        time.sleep(0.05)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=STOP_TIMEOUT_S)
    listener.close()
