"""Loaded by a bundled server's own interpreter at its start (PYTHONPATH), for servers that cannot be told these things.

localstripe listens on every network interface over IPv6 and keeps its state in a fixed file under /tmp. Here the first
becomes IPv4 loopback, so that nobody on the network reaches it and machines without IPv6 run it; the second becomes the
file named by LOCALSTRIPE_STATE, so that two checkouts, users or test sessions do not share one.
"""

# ruff: noqa: INP001 - not a package: its folder is put on the import path as it is
from __future__ import annotations

import builtins
import os
import socket
from typing import Any

_FIXED_STATE = "/tmp/localstripe.pickle"  # noqa: S108  # the path that is being replaced
_open = builtins.open


class LoopbackSocket(socket.socket):
    """A socket whose wildcard IPv6 binds become IPv4 loopback ones."""

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:  # noqa: A002
        super().__init__(socket.AF_INET if family == socket.AF_INET6 else family, type, proto, fileno)

    def bind(self, address: Any, /) -> None:
        """Bind, but never to every interface."""
        if isinstance(address, tuple) and address[0] in {"::", "", "0.0.0.0"}:  # noqa: S104  # what is replaced
            address = ("127.0.0.1", address[1])
        super().bind(address)


def open_elsewhere(file: Any, *arguments: Any, **options: Any) -> Any:
    """`open`, with the fixed state file moved to LOCALSTRIPE_STATE."""
    if file == _FIXED_STATE:
        file = os.environ["LOCALSTRIPE_STATE"]
    return _open(file, *arguments, **options)


if "LOCALSTRIPE_STATE" in os.environ:
    socket.socket = LoopbackSocket  # type: ignore[misc]
    builtins.open = open_elsewhere
