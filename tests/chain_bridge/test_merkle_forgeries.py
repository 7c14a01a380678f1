"""Forged claims against the deployed distributor and against our own verifier: none passes either."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests
from eth_utils.crypto import keccak

from chain_bridge import abi
from chain_bridge.merkle import MerkleTree, build_tree, encode_words, leaf_hash, verify_proof
from chain_bridge.signer import Signer
from tests.chain_bridge.chain_fixtures import DeployedChain

REFUSAL = "0x" + keccak(text="PayoutDistributorInvalidProof(address,uint256)")[:4].hex()
SIZES = (2, 7, 33, 257)
BATCH = 250
Proof = tuple[str, ...]
Claim = tuple[str, int, Proof]


@dataclass(frozen=True)
class Published:
    """The tree whose root is in force, and the same amounts in trees that are in force nowhere."""

    chain_id: int
    distributor: str
    amounts: dict[str, int]
    tree: MerkleTree
    elsewhere: tuple[MerkleTree, MerkleTree]

    @property
    def payees(self) -> list[str]:
        """In the order of the leaves."""
        return list(self.amounts)

    def genuine(self, index: int) -> Claim:
        """The claim that must pass."""
        payee = self.payees[index]
        return payee, self.amounts[payee], self.tree.proofs[index]


def _publish(chain: DeployedChain, dice: random.Random, size: int) -> Published:
    contract, chain_id = chain.contracts["PayoutDistributor"], chain.config.chain_id
    amounts = {"0x" + dice.randbytes(20).hex(): dice.randrange(1, 1 << 64) for _ in range(size)}

    def build(on_chain: int, at: str) -> MerkleTree:
        return build_tree([encode_words(on_chain, at, payee, amount) for payee, amount in amounts.items()])

    tree = build(chain_id, contract.address)
    sender = Signer(chain.config.signer_key, chain_id).address
    data = abi.encode_call(contract.abi, "setRoot", [chain.gateway.read(contract, "root")[0], tree.root, 0])
    chain.gateway.development("anvil_impersonateAccount", sender)
    chain.gateway.development("eth_sendTransaction", {"from": sender, "to": contract.address, "data": data})
    assert chain.gateway.read(contract, "root") == [tree.root]
    other = "0x" + dice.randbytes(20).hex()
    elsewhere = (build(chain_id + 1, contract.address), build(chain_id, other))
    return Published(chain_id, contract.address, amounts, tree, elsewhere)


def _forgeries(published: Published, dice: random.Random) -> Iterator[tuple[str, Claim]]:
    makers: dict[str, Callable[[str, int, Proof, int], Claim]] = {
        "other amount": lambda payee, amount, proof, _: (payee, amount + dice.randrange(1, 1 << 64), proof),
        "amount beyond its type": lambda payee, amount, proof, _: (payee, amount + (1 << 192), proof),
        "amount of one bit": lambda payee, amount, proof, _: (payee, amount ^ (1 << dice.randrange(64)), proof),
        "other payee": lambda _, amount, proof, __: ("0x" + dice.randbytes(20).hex(), amount, proof),
        "another's proof": lambda payee, amount, _, index: (
            payee,
            amount,
            published.tree.proofs[(index + 1) % len(published.tree.proofs)],
        ),
        "truncated": lambda payee, amount, proof, _: (payee, amount, proof[: dice.randrange(len(proof))]),
        "extended": lambda payee, amount, proof, _: (payee, amount, (*proof, "0x" + dice.randbytes(32).hex())),
        "extended by the root": lambda payee, amount, proof, _: (payee, amount, (*proof, published.tree.root)),
        "swapped siblings": lambda payee, amount, proof, _: (payee, amount, tuple(dice.sample(proof, len(proof)))),
        "one bit of a sibling": lambda payee, amount, proof, _: (payee, amount, _flip(proof, dice)),
        "of another chain": lambda payee, amount, _, index: (payee, amount, published.elsewhere[0].proofs[index]),
        "of another contract": lambda payee, amount, _, index: (payee, amount, published.elsewhere[1].proofs[index]),
        "inner node as a leaf": lambda payee, amount, proof, _: _inner_node(published, payee, amount, proof),
        "made up": lambda *_: (
            "0x" + dice.randbytes(20).hex(),
            dice.randrange(1 << 128),
            tuple("0x" + dice.randbytes(32).hex() for _ in range(dice.randrange(12))),
        ),
    }
    genuine = {published.genuine(index) for index in range(len(published.amounts))}
    while True:
        for kind, make in makers.items():
            index = dice.randrange(len(published.amounts))
            claim = make(*published.genuine(index), index)
            if claim not in genuine:  # a shuffle can leave a proof as it was
                yield kind, claim


def _flip(proof: Proof, dice: random.Random) -> Proof:
    at = dice.randrange(len(proof))
    flipped = int(proof[at], 16) ^ (1 << dice.randrange(256))
    return (*proof[:at], f"0x{flipped:064x}", *proof[at + 1 :])


def _inner_node(published: Published, payee: str, amount: int, proof: Proof) -> Claim:
    """Pass a leaf and its sibling, whose 64 bytes hash to an inner node, for the payee and the amount of a leaf."""
    leaf = leaf_hash(encode_words(published.chain_id, published.distributor, payee, amount))
    return "0x" + leaf[12:].hex(), int(proof[0], 16), proof[1:]


def _answers(chain: DeployedChain, claims: list[Claim]) -> list[str]:
    """What the contract says to each claim: the data of its refusal, or "" where it would pay."""
    contract = chain.contracts["PayoutDistributor"]
    batch = [
        {
            "jsonrpc": "2.0",
            "id": number,
            "method": "eth_call",
            "params": [
                {"to": contract.address, "data": abi.encode_call(contract.abi, "claim", [payee, amount, list(proof)])},
                "latest",
            ],
        }
        for number, (payee, amount, proof) in enumerate(claims)
    ]
    answers = {answer["id"]: answer for answer in requests.post(chain.config.rpc_url, json=batch, timeout=60).json()}
    return [str(answers[number].get("error", {}).get("data", "")) for number in range(len(claims))]


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=pytest.mark.soak)])
def test_no_forged_claim_passes_the_contract_or_the_verifier(own_chain: DeployedChain, count: int) -> None:
    dice = random.Random(20_261_122)
    tried: Counter[str] = Counter()
    for size in SIZES:
        published = _publish(own_chain, dice, size)
        genuine = [published.genuine(index) for index in range(min(size, BATCH))]
        assert not [data for data in _answers(own_chain, genuine) if data.startswith(REFUSAL)]
        forgeries = _forgeries(published, dice)
        for start in range(0, count // len(SIZES), BATCH):
            batch = [next(forgeries) for _ in range(min(BATCH, count // len(SIZES) - start))]
            claims = [claim for _, claim in batch]
            for (kind, claim), data in zip(batch, _answers(own_chain, claims), strict=True):
                assert data.startswith(REFUSAL), f"{kind}: {claim} is answered by {data or 'a payment'}"
                assert not _verifies(published, claim), f"{kind}: {claim} verifies"
                tried[kind] += 1
    assert tried.total() == count
    print(f"\n{count} forged claims refused by the contract and the verifier: {dict(tried)}")  # noqa: T201


def _verifies(published: Published, claim: Claim) -> bool:
    payee, amount, proof = claim
    leaf = encode_words(published.chain_id, published.distributor, payee, amount)
    return verify_proof(published.tree.root, leaf, proof)


def test_pairs_of_nodes_do_not_verify_as_leaves() -> None:
    dice = random.Random(7)
    leaves = [encode_words(1, "0x" + "11" * 20, number, dice.randrange(1 << 64)) for number in range(64)]
    tree = build_tree(leaves)
    for index, leaf in enumerate(leaves):
        pair = b"".join(sorted((leaf_hash(leaf), bytes.fromhex(tree.proofs[index][0][2:]))))
        assert len(pair) == 64
        assert not verify_proof(tree.root, pair, tree.proofs[index][1:])
