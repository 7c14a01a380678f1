"""The bridge in tests: the same rounds that the process runs, driven by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from apps.core import outbox
from apps.core.ids import uuid7
from apps.onchain import services
from apps.onchain.bridge import Bridge
from apps.onchain.models import ChainIntent, SignerLane
from apps.onchain.reconciliation import differences
from apps.onchain.types import CUSTODY, REGISTRY_LANE
from apps.tenancy.types import PLATFORM_ID
from chain_bridge.config import BridgeConfig
from tests.chain_bridge.chain_fixtures import DeployedChain, deployed_chain

ROUNDS = 200
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass
class DrivenBridge:
    """A bridge on a chain of the test's own."""

    chain: DeployedChain
    bridge: Bridge = field(init=False)
    config: BridgeConfig = field(init=False)
    born: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.config = self.chain.config
        self.born = uuid7()
        self.restart()

    def restart(self, **settings: Any) -> None:
        """What a new process would start with: nothing in memory, and these settings changed."""
        self.config = self.config.model_copy(update=settings)
        self.bridge = Bridge(self.config)
        self.bridge.check_chain()

    def lane(self, name: str = REGISTRY_LANE) -> SignerLane:
        """A lane's row; it is there after a round."""
        return SignerLane.objects.get(chain_id=self.config.chain_id, name=name)

    def set_root(self, root: str, previous: str = "0x" + "00" * 32) -> UUID:
        """An intent of the payouts lane that succeeds where `previous` is the root in force."""
        return services.request_transaction(
            organisation_id=PLATFORM_ID,
            kind="test.root",
            contract="PayoutDistributor",
            function="setRoot",
            args=[previous, root, "1"],
            idempotency_key=f"test:{uuid4()}",
        )

    def differences(self) -> list[str]:
        """What platform and chain disagree about, but for what earlier tests left here of chains of their own."""
        return [said for said in differences(self.config, self.chain.contracts) if self._is_own(said)]

    def _is_own(self, said: str) -> bool:
        named = [UUID(found) for found in UUIDS.findall(said)]
        return not named or any(one > self.born for one in named)

    def settle(self) -> None:
        """Rounds, blocks and handlers until nothing is under way any more."""
        for _ in range(ROUNDS):
            under_way = self.bridge.round()
            delivered = outbox.drain()
            if not under_way and not delivered and not ChainIntent.objects.filter(state="queued").exists():
                return
            if under_way:
                self.chain.mine()
        raise AssertionError(f"the bridge was still busy after {ROUNDS} rounds")

    def register_asset(
        self, organisation_id: UUID, token_id: int, *, parents: tuple[int, ...] = (), to: str = CUSTODY
    ) -> UUID:
        """An intent that registers an asset for an address, the platform's own unless said otherwise."""
        return services.request_transaction(
            organisation_id=organisation_id,
            kind="test.register",
            contract="AssetRegistry",
            function="register",
            args=[
                to,
                str(token_id),
                "0x" + "aa" * 32,
                "0x" + "bb" * 32,
                "0x" + "00" * 32,
                [str(p) for p in parents],
                [1000] * len(parents),
            ],
            idempotency_key=f"test:{token_id}",
        )

    def owner_of(self, token_id: int) -> str:
        """The token's owner on the chain."""
        owner: str = self.chain.gateway.read(self.chain.contracts["AssetRegistry"], "ownerOf", [token_id])[0]
        return owner


@pytest.fixture
def driven(transactional_db: None, settings: Any) -> Iterator[DrivenBridge]:
    """A bridge on its own anvil with its own chain id: rows of other tests are not its."""
    from apps.core.tenant import all_tenants

    with deployed_chain(payouts_signer=True) as chain, all_tenants(reason="tests look at every organisation's intents"):
        settings.CHAIN = settings.CHAIN | {
            "chain_id": chain.config.chain_id,
            "confirmations": chain.config.confirmations,
        }
        ChainIntent.objects.filter(state="queued").update(state="failed", reason="left by another test")
        yield DrivenBridge(chain)
