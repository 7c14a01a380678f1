"""The embedded Valkey."""

from __future__ import annotations

import subprocess
import sys

import pytest
import redis

from sahara_platform.embedded import valkey
from sahara_platform.embedded.process import is_alive, wait_until


def test_it_speaks_the_redis_protocol_behind_a_password() -> None:
    server = valkey.start()
    try:
        assert redis.Redis.from_url(server.url).set("a", "1")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=int(server.url.rpartition(":")[2].split("/")[0])).get("a")
    finally:
        server.stop()
    assert not server.data_dir.exists()


def test_it_dies_with_the_process_that_started_it() -> None:
    code = (
        "import os, sys; from sahara_platform.embedded import valkey; server = valkey.start(); "
        "print(server._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    pid = int(done.stdout)
    wait_until(lambda: not is_alive(pid), timeout_s=60, what="Valkey still runs")
