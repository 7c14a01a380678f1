"""A wallet that the platform does not control: it calls the contracts on a test chain by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from chain_bridge import abi
from tests.apps.assets.chain_events import fresh_wallet
from tests.chain_bridge.chain_fixtures import DeployedChain

ETHER_WEI = 10**18
MINED_WITHIN_S = 60


@dataclass
class OutsideWallet:
    """An address whose transactions anvil sends without asking for a key."""

    chain: DeployedChain
    address: str = field(default_factory=fresh_wallet)

    def __post_init__(self) -> None:
        self.chain.gateway.development("anvil_setBalance", self.address, hex(ETHER_WEI))
        self.chain.gateway.development("anvil_impersonateAccount", self.address)

    def calls(self, contract: str, function: str, *args: Any) -> None:
        """Send a transaction; it is mined at once, but a busy node answers before it has a receipt."""
        target = self.chain.contracts[contract]
        data = abi.encode_call(target.abi, function, args)
        call = {"from": self.address, "to": target.address, "data": data, "gas": hex(1_000_000)}
        tx_hash = self.chain.gateway.development("eth_sendTransaction", call)
        deadline = time.monotonic() + MINED_WITHIN_S
        while (receipt := self.chain.gateway.development("eth_getTransactionReceipt", tx_hash)) is None:
            assert time.monotonic() < deadline, f"{contract}.{function} was not mined"
            time.sleep(0.05)
        assert int(receipt["status"], 16) == 1, f"{contract}.{function} reverted"

    def sends_token(self, token_id: int, receiver: str) -> None:
        self.calls("AssetRegistry", "transferFrom", self.address, receiver, token_id)

    def sends_shares(self, token_id: int, receiver: str, units: int) -> None:
        self.calls("AssetShares", "safeTransferFrom", self.address, receiver, token_id, units, "0x")
