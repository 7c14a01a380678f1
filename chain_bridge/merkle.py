"""Merkle trees in the format of OpenZeppelin's ``merkle-tree`` library, which the contracts verify.

Pure functions over bytes. Leaves are hashed twice, so that no inner node (a hash of 64 bytes) can pass for a leaf, and
siblings are hashed in sorted order, so that a proof needs no positions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

WORD = 32


@dataclass(frozen=True)
class MerkleTree:
    """A finished tree. ``proofs[i]`` belongs to the i-th leaf as it was given; all hashes are 0x-hex."""

    root: str
    proofs: tuple[tuple[str, ...], ...]


def encode_words(*values: int | str) -> bytes:
    """ABI encoding of static values: integers as uint256, 0x-hex (addresses, bytes32) padded on the left.

    Raises:
        ValueError: A value does not fit a word.
    """
    return b"".join(_word(value) for value in values)


def leaf_hash(encoded: bytes) -> bytes:
    """The double hash that stands for a leaf's encoded value."""
    return keccak(keccak(encoded))


def build_tree(leaves: Sequence[bytes], hashed: Iterable[bytes] = ()) -> MerkleTree:
    """Root and proofs over encoded leaves, in any order; equal sets give equal roots.

    `hashed` are further leaves of which only the hash is known; they have no proof here.

    Raises:
        ValueError: There are no leaves.
    """
    if not leaves:
        raise ValueError("a Merkle tree needs at least one leaf")
    hashes = [*(leaf_hash(leaf) for leaf in leaves), *hashed]
    order = sorted(range(len(hashes)), key=lambda index: hashes[index])
    nodes = _nodes([hashes[index] for index in order])
    position = {index: len(nodes) - 1 - rank for rank, index in enumerate(order)}
    proofs = tuple(_proof(nodes, position[index]) for index in range(len(leaves)))
    return MerkleTree(_hex(nodes[0]), proofs)


def merkle_root(leaves: Iterable[bytes], hashed: Iterable[bytes] = ()) -> str:
    """Only the root over encoded leaves, and over those of which only the hash is known; 0x-hex.

    Raises:
        ValueError: There are no leaves.
    """
    hashes = sorted([*(leaf_hash(leaf) for leaf in leaves), *hashed])
    if not hashes:
        raise ValueError("a Merkle tree needs at least one leaf")
    return _hex(_nodes(hashes)[0])


def verify_proof(root: str, leaf: bytes, proof: Sequence[str]) -> bool:
    """Whether the proof leads from the encoded leaf to the root, as the contracts compute it."""
    node = leaf_hash(leaf)
    for sibling in proof:
        node = _pair(node, bytes.fromhex(sibling.removeprefix("0x")))
    return _hex(node) == root.lower()


def _nodes(sorted_hashes: Sequence[bytes]) -> list[bytes]:
    # The library keeps a tree as an array: root first, leaves last and backwards, children of i at 2i+1 and 2i+2.
    count = len(sorted_hashes)
    nodes = [b""] * (count - 1) + list(reversed(sorted_hashes))
    for index in range(count - 2, -1, -1):
        nodes[index] = _pair(nodes[2 * index + 1], nodes[2 * index + 2])
    return nodes


def _proof(nodes: Sequence[bytes], index: int) -> tuple[str, ...]:
    path = []
    while index > 0:
        path.append(_hex(nodes[index + 1 if index % 2 else index - 1]))
        index = (index - 1) // 2
    return tuple(path)


def _pair(left: bytes, right: bytes) -> bytes:
    return keccak(left + right if left < right else right + left)


def _word(value: int | str) -> bytes:
    if isinstance(value, int):
        if not 0 <= value < 1 << 256:
            raise ValueError(f"{value} is not a uint256")
        return value.to_bytes(WORD, "big")
    raw = bytes.fromhex(value.removeprefix("0x"))
    if len(raw) > WORD:
        raise ValueError(f"{value} is longer than {WORD} bytes")
    return raw.rjust(WORD, b"\0")


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
