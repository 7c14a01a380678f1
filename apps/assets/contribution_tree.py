"""The Merkle tree over who contributed to a version: one leaf (address, weight) an address, as the registry checks it.

A leaf is keccak256(keccak256(abi.encode(address, weight))), hashed twice so that no inner node can pass for one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from eth_abi import abi as eth_abi
from eth_utils.crypto import keccak

from apps.assets.records import ZERO_ROOT
from apps.assets.types import ContributionProof
from apps.onchain import services as onchain

Leaf = tuple[str, int]
"""An address and the sum of the weights of all that it stands for."""


def leaves(contributions: Iterable[Leaf]) -> list[Leaf]:
    """One leaf an address, by address: roles and organisations that share a wallet are added up."""
    weights: dict[str, int] = defaultdict(int)
    for address, weight in contributions:
        weights[address.lower()] += weight
    return sorted(weights.items())


def contribution_root(contributions: Iterable[Leaf]) -> str:
    """The root over contributions as 0x-hex; zero where nobody else contributed."""
    found = leaves(contributions)
    return onchain.keccak_root(_encoded(found)) if found else ZERO_ROOT


def contribution_proofs(contributions: Iterable[Leaf]) -> tuple[str, dict[str, tuple[str, ...]]]:
    """The root, and the proof of each address in lower case. Raises ValueError without contributions."""
    found = leaves(contributions)
    tree = onchain.merkle_tree(_encoded(found))
    return tree.root, {address: proof for (address, _), proof in zip(found, tree.proofs, strict=True)}


def proof_json(proof: ContributionProof) -> dict[str, Any]:
    """A proof as JSON: what the registry's `isContribution` asks for, with large integers as strings."""
    return {
        "asset": str(proof.asset_id),
        "contract": "AssetRegistry",
        "function": "isContribution",
        "id": str(proof.token_id),
        "version": proof.version,
        "facts": {
            "contentRoot": proof.content_root,
            "metadataHash": proof.metadata_hash,
            "contributionRoot": proof.root,
            "parentage": proof.parentage,
        },
        "contributor": proof.address,
        "weight": str(proof.weight),
        "total_weight": str(proof.total_weight),
        "proof": list(proof.proof),
    }


def parentage(parents: Sequence[int], weights: Sequence[int]) -> str:
    """What the registry hashes of a version's parents: keccak256 of the ABI encoding of ids and weights."""
    return "0x" + keccak(eth_abi.encode(["uint256[]", "uint16[]"], [list(parents), list(weights)])).hex()


def content_commitment(content_root: str, metadata_hash: str, contribution_root: str) -> str:
    """What the registry hashes of a version's content: keccak256 of the ABI encoding of its three hashes."""
    words = [bytes.fromhex(word.removeprefix("0x")) for word in (content_root, metadata_hash, contribution_root)]
    return "0x" + keccak(b"".join(words)).hex()


def _encoded(found: list[Leaf]) -> list[bytes]:
    return [onchain.encode_words(address, weight) for address, weight in found]
