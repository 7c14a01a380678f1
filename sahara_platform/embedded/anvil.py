"""An EVM chain for development: anvil, with its state kept in a file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from pathlib import Path

from sahara_platform.embedded import probes
from sahara_platform.embedded.console import say
from sahara_platform.embedded.process import LOOPBACK

CHAIN_ID = 31337
# Known to everyone, as development chains have it; nothing of value is ever on this chain.
MNEMONIC = "test test test test test test test test test test test junk"
_FUNDS_WEI = 10_000 * 10**18
_TICK_S = 1.0


def command(binary: Path, port: int, state_file: Path) -> list[str]:
    """anvil's command line. Blocks come with transactions; `settle_forever` adds those that make them final."""
    state_file.parent.mkdir(parents=True, exist_ok=True)
    options = {
        "--host": LOOPBACK,
        "--port": str(port),
        "--chain-id": str(CHAIN_ID),
        "--mnemonic": MNEMONIC,
        "--state": str(state_file),
        "--state-interval": "1",
    }
    return [str(binary), *(part for pair in options.items() for part in pair), "--quiet"]


def restore_state(state_file: Path) -> None:
    """Keep a copy of a readable state, and take the copy when the file was cut off in the middle of a write."""
    copy = state_file.with_name(f"{state_file.name}.previous")
    if not state_file.exists():
        return
    try:
        json.loads(state_file.read_text())
    except ValueError:
        if copy.exists():
            say("anvil", "the chain's state file was damaged; the one of the last start is used", "warn")
            shutil.copyfile(copy, state_file)
        else:
            say("anvil", "the chain's state file was damaged and is set aside; the chain starts anew", "warn")
            state_file.replace(state_file.with_name(f"{state_file.name}.damaged"))
    else:
        shutil.copyfile(state_file, copy)


async def is_ready(rpc_url: str) -> bool:
    """Whether the chain answers with its id."""
    try:
        return int(await probes.rpc(rpc_url, "eth_chainId"), 16) == CHAIN_ID
    except OSError:
        return False


async def fund(rpc_url: str, address: str) -> None:
    """Give an account the coins it pays gas with."""
    if int(await probes.rpc(rpc_url, "eth_getBalance", address, "latest"), 16) < _FUNDS_WEI // 2:
        await probes.rpc(rpc_url, "anvil_setBalance", address, hex(_FUNDS_WEI))


async def settle_forever(rpc_url: str, depth: int) -> None:
    """Mine one block a second until the last transaction lies `depth` blocks deep, then rest.

    A chain that mines on a timer would write a growing state file for ever, also while nobody uses it.
    """
    checked = last_used = -1
    while True:
        with contextlib.suppress(OSError):
            head = int(await probes.rpc(rpc_url, "eth_blockNumber"), 16)
            for number in range(max(checked + 1, head - depth, 0), head + 1):
                block = await probes.rpc(rpc_url, "eth_getBlockByNumber", hex(number), False)  # noqa: FBT003  # JSON-RPC
                if block["transactions"]:
                    last_used = number
            checked = head
            if last_used >= 0 and head - last_used < depth:
                await probes.rpc(rpc_url, "evm_mine")
        await asyncio.sleep(_TICK_S)
