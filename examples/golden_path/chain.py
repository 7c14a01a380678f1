"""Reading the chain itself, past the platform: what the payout distributor has paid to an address."""

from __future__ import annotations

import httpx
from eth_utils.crypto import keccak


class Chain:
    """A JSON-RPC node of the chain that the platform pays on."""

    def __init__(self, rpc_url: str) -> None:
        self.rpc_url = rpc_url

    def call(self, contract: str, signature: str, *addresses: str) -> int:
        """Call a view that takes addresses and returns one word."""
        data = keccak(text=signature)[:4] + b"".join(bytes.fromhex(a[2:]).rjust(32, b"\0") for a in addresses)
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "eth_call",
            "params": [{"to": contract, "data": "0x" + data.hex()}, "latest"],
        }
        answer = httpx.post(self.rpc_url, json=body, timeout=30).json()
        if "result" not in answer:
            raise RuntimeError(f"the chain refused {signature}: {answer}")
        return int(answer["result"], 16)

    def paid(self, distributor: str, payee: str) -> int:
        """What the distributor has paid to an address so far, in raw token units."""
        return self.call(distributor, "claimed(address)", payee)

    def balance(self, distributor: str, payee: str) -> int:
        """What an address holds of the distributor's token, in raw units."""
        token = f"0x{self.call(distributor, 'payoutToken()'):040x}"
        return self.call(token, "balanceOf(address)", payee)
