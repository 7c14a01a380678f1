"""Gas of payouts, registrations, licences and royalties, from receipts of a fresh anvil.

Payouts are measured for 1 to 10,000 payees against as many ERC-20 transfers, and set beside the figures that
`PEERS` quotes for contracts of others. Each figure is a whole transaction's `gasUsed`, that is with the 21,000 that
every transaction costs and its calldata. *First* means that the payee holds none of the token yet, *again* the next
round. Every figure is the median of up to eight transactions.
"""

from __future__ import annotations

import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from eth_utils.crypto import keccak
from pydantic import SecretStr

from chain_bridge import abi, foundry
from chain_bridge.config import BridgeConfig
from chain_bridge.deploy import deploy
from chain_bridge.errors import RpcUnavailable
from chain_bridge.gateway import Gateway
from chain_bridge.merkle import MerkleTree, build_tree, encode_words
from chain_bridge.signer import Signer
from chain_bridge.types import Call, DeployedContract

PAYEES = (1, 10, 100, 1_000, 10_000)
SAMPLES = 8
#: At most this many transfers are really sent; more are the median of these, multiplied.
REAL_BATCH = 100
CONTENT_PARTS = ("content", "metadata", "contributions")
USE = 1
TRANSFERABLE_NOT_REVOCABLE = (True, False)

#: Goals, in gas: what the platform promises of itself.
GOALS = {"root": 50_000, "claim": 56_000, "register_1_parent": 110_000, "licence": 60_000, "royalty_1_parent": 61_000}

#: Quoted, not run here: measured elsewhere on 2026-11-22 from receipts of an anvil (Prague), each built with its
#: own project's settings: OpenZeppelin Contracts 4.9 PaymentSplitter (a payment in, a release out), Uniswap's
#: merkle-distributor (one new contract a round), Story protocol core, 0xSplits v2 and Ocean v4 of that day. Uniswap's
#: own test expects 95,256 for a first claim among 100,000, which agrees. Nothing of them is in this repository.
PEERS = {
    "PaymentSplitter 4.9, platform's gas a payee": "34,500 again, 51,600 first; 1,000 payees cannot be deployed",
    "PaymentSplitter 4.9, release": "57,500 again, 91,700 first (100 payees)",
    "Uniswap MerkleDistributor, platform's gas a round": 668_000,
    "Uniswap MerkleDistributor, claim among 1,000": "55,500 again, 72,600 first",
    "Story, register with metadata and 1 parent": 2_064_698,
    "Ocean, publish without parents": 742_868,
    "Story, mint a licence": "647,000 to 652,000",
    "Ocean, mint and start an order": 166_447,
    "Story, pay a royalty (division comes later)": 164_487,
    "0xSplits v2 push, 1 parent": 102_680,
    "0xSplits v2 push, 3 parents": 123_651,
}


def run() -> dict[str, Any]:
    """Measure; returns gas by operation and number of payees, the goals, and whether each is met."""
    with _deployed() as chain:
        payouts = {str(count): _payouts(chain, count) for count in PAYEES}
        operations = _registry(chain) | _licences(chain) | _royalties(chain)
    reached = {
        "root": max(row["root"] for row in payouts.values()),
        "claim": payouts["1000"]["claim_again"],
        "register_1_parent": operations["register_1_parent"],
        "licence": operations["licence"],
        "royalty_1_parent": operations["royalty_1_parent"],
    }
    return {
        "payouts": payouts,
        "operations": operations,
        "goals": {name: {"goal": goal, "gas": reached[name]} for name, goal in GOALS.items()},
        "goals_met": all(reached[name] <= goal for name, goal in GOALS.items()),
        "peers": PEERS,
    }


class _Chain:
    """A fresh anvil with the contracts on it; every sender is impersonated."""

    def __init__(self, config: BridgeConfig, contracts: dict[str, DeployedContract]) -> None:
        self.gateway = Gateway(config.rpc_url, timeout_s=60)
        self.contracts = contracts
        self.id = config.chain_id
        self.me = Signer(config.signer_key, config.chain_id).address
        self.gateway.development("anvil_impersonateAccount", self.me)

    def send(self, name: str, function: str, *args: Any) -> int:
        """Call a contract from the signer's account; returns the gas used."""
        contract = self.contracts[name]
        call = Call(contract.address, abi.encode_call(contract.abi, function, args))
        transaction = {"from": self.me, "to": call.to, "data": call.data, "gas": hex(15_000_000)}
        sent = self.gateway.development("eth_sendTransaction", transaction)
        while (receipt := self.gateway.receipt(sent)) is None:
            time.sleep(0.005)
        if not receipt.succeeded:
            raise RuntimeError(f"{name}.{function} failed on the fresh chain")
        return receipt.gas_used


@contextmanager
def _deployed() -> Iterator[_Chain]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, chain_id = f"http://127.0.0.1:{port}", 31_337
    command = [str(foundry.anvil_binary()), "--port", str(port), "--silent", "--hardfork", "prague"]
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(command) as process:
        try:
            _wait_for(url)
            config = BridgeConfig.model_validate(
                {
                    "CHAIN_RPC_URL": url,
                    "CHAIN_ID": chain_id,
                    "CHAIN_SIGNER_KEY": SecretStr("0x" + "5a" * 32),
                    "CHAIN_PAYOUTS_SIGNER_KEY": None,
                    "CHAIN_ADDRESSES_FILE": Path(folder) / "addresses.json",
                }
            )
            yield _Chain(config, deploy(config).contracts)
        finally:
            process.terminate()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            Gateway(url, timeout_s=1).chain_id()
        except RpcUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _payouts(chain: _Chain, count: int) -> dict[str, int]:
    """Two epochs for payees who hold nothing before, and the same payments as plain transfers."""
    payees = [_address() for _ in range(count)]
    sampled = range(0, count, max(1, count // SAMPLES))[:SAMPLES]
    roots, claims = [], []
    for epoch in (1, 2):
        previous = chain.gateway.read(chain.contracts["PayoutDistributor"], "root")[0]
        tree = _tree(chain, payees, 7_000_000 * epoch)
        roots.append(chain.send("PayoutDistributor", "setRoot", previous, tree.root, 7_000_000 * count))
        claims.append(
            _middle(
                chain.send("PayoutDistributor", "claim", payees[index], 7_000_000 * epoch, list(tree.proofs[index]))
                for index in sampled
            )
        )
    others = [_address() for _ in range(min(count, REAL_BATCH))]
    first, again = ([chain.send("PayoutToken", "transfer", other, 7_000_000) for other in others] for _ in range(2))
    return {
        "root_first": roots[0],
        "root": roots[1],
        "claim_first": claims[0],
        "claim_again": claims[1],
        "transfers_first": sum(first) if count <= REAL_BATCH else _middle(first) * count,
        "transfers_again": sum(again) if count <= REAL_BATCH else _middle(again) * count,
        "root_per_payee": round(roots[1] / count),
    }


def _tree(chain: _Chain, payees: Sequence[str], amount: int) -> MerkleTree:
    distributor = chain.contracts["PayoutDistributor"].address
    return build_tree([encode_words(chain.id, distributor, payee, amount) for payee in payees])


def _registry(chain: _Chain) -> dict[str, int]:
    owner = _address()
    parents = [_id() for _ in range(3)]
    for parent in parents:
        _register(chain, owner, parent, ())
    return {
        "register": _repeat(lambda: _register(chain, owner, _id(), ())),
        "register_1_parent": _repeat(lambda: _register(chain, owner, _id(), parents[:1])),
        "register_1_parent_new_owner": _repeat(lambda: _register(chain, _address(), _id(), parents[:1])),
        "register_3_parents": _repeat(lambda: _register(chain, owner, _id(), parents)),
    }


def _register(chain: _Chain, owner: str, asset: int, parents: Sequence[int]) -> int:
    facts = (_hash("content"), _hash("metadata"), _hash("contributions"))
    return chain.send("AssetRegistry", "register", owner, asset, *facts, list(parents), [1_000] * len(parents))


def _licences(chain: _Chain) -> dict[str, int]:
    asset, terms = _id(), _hash("terms")
    _register(chain, _address(), asset, ())
    chain.send("LicenseBook", "addTerms", terms, USE, *TRANSFERABLE_NOT_REVOCABLE)
    ends = int(time.time()) + 365 * 86_400
    chain.send("LicenseBook", "setOffer", asset, 1, terms, 5_000_000, 30 * 86_400)
    chain.send("PayoutToken", "approve", chain.contracts["LicenseBook"].address, (1 << 256) - 1)
    chain.send("LicenseBook", "buy", asset, 1, _address(), 5_000_000)
    return {
        "licence": _repeat(lambda: chain.send("LicenseBook", "issue", _address(), asset, terms, ends)),
        "licence_bought": _repeat(lambda: chain.send("LicenseBook", "buy", asset, 1, _address(), 5_000_000)),
    }


def _royalties(chain: _Chain) -> dict[str, int]:
    chain.send("PayoutToken", "approve", chain.contracts["RoyaltyPool"].address, (1 << 256) - 1)
    found: dict[str, int] = {}
    content = "0x" + keccak(b"".join(bytes.fromhex(_hash(part)[2:]) for part in CONTENT_PARTS)).hex()
    for count in (0, 1, 3):
        owner, asset, parents = _address(), _id(), [_id() for _ in range(count)]
        for parent in parents:
            _register(chain, owner, parent, ())
        _register(chain, owner, asset, parents)
        chain.send("PayoutToken", "transfer", owner, 1)
        arguments = ("pay", asset, 1, content, parents, [1_000] * count, 9_000_000)
        chain.send("RoyaltyPool", *arguments)
        found[f"royalty_{count}_parent{'s' * (count != 1)}"] = _repeat(partial(chain.send, "RoyaltyPool", *arguments))
        found["royalty_release"] = chain.send("RoyaltyPool", "release", asset)
    return found


def _repeat(work: Callable[[], int]) -> int:
    return _middle(work() for _ in range(SAMPLES))


def _middle(values: Iterable[int]) -> int:
    return round(float(median(list(values))))


def _address() -> str:
    return "0x" + secrets.token_hex(20)


def _id() -> int:
    """As large as an asset's: a UUID of version 7."""
    return (0x0192F0C3A1B2 << 80) | (7 << 76) | (secrets.randbits(12) << 64) | (2 << 62) | secrets.randbits(62)


def _hash(what: str) -> str:
    return "0x" + keccak(text=what).hex()
