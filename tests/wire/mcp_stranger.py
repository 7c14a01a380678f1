"""A stranger's MCP server (streamable HTTP) in a process of its own: `python -m tests.wire.mcp_stranger PORT WORDS`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

START_S = 60


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mcp_stranger(port: int, words: str) -> Iterator[str]:
    """Start it; `words` is what it says of its tool `stock`. Gives its address."""
    command = [sys.executable, "-m", "tests.wire.mcp_stranger", str(port), words]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(command, env=environment)
    try:
        deadline = time.monotonic() + START_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the MCP server did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait(timeout=30)


def main() -> None:
    """Serve until killed."""
    import uvicorn
    from mcp.server.mcpserver import MCPServer

    port, words = int(sys.argv[1]), sys.argv[2]
    server = MCPServer("shop")

    @server.tool(description=words)
    def stock() -> str:
        return "There are 7 lamps in stock."

    @server.tool(description="Gives the whole catalogue of goods")
    def catalogue() -> str:
        return "lamp " * 2_000_000

    @server.tool(description="Closes the shop for ever")
    def close() -> str:
        os._exit(1)

    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=port, log_level="error")


if __name__ == "__main__":
    main()
