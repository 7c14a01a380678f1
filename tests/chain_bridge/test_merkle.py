"""Our Merkle trees are those of OpenZeppelin's library, and no forged proof passes."""

import json
import random
import subprocess
from collections.abc import Iterator
from typing import IO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_bridge import foundry
from chain_bridge.merkle import build_tree, encode_words, leaf_hash, merkle_root, verify_proof

ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
ROWS = st.lists(
    st.tuples(st.integers(1, 1 << 32), ADDRESSES, ADDRESSES, st.integers(0, (1 << 256) - 1)), min_size=1, max_size=40
)


class Reference:
    """The npm library, in one Node process for all examples."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input: IO[str] = process.stdin
        self._output: IO[str] = process.stdout

    def tree(self, rows: list[tuple[int, str, str, int]]) -> tuple[str, list[list[str]]]:
        """Root and proofs of the library."""
        self._input.write(json.dumps([[str(value) for value in row] for row in rows]) + "\n")
        self._input.flush()
        answer = json.loads(self._output.readline())
        return answer["root"], answer["proofs"]


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    foundry.ensure_installed()
    script = str(foundry.CONTRACTS / "script" / "merkle-roots.cjs")
    with subprocess.Popen(
        [foundry.node_binary(), script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Reference(process)
        assert process.stdin is not None
        process.stdin.close()


@settings(max_examples=200, deadline=None)
@given(rows=ROWS)
def test_root_and_proofs_equal_the_library(reference: Reference, rows: list[tuple[int, str, str, int]]) -> None:
    tree = build_tree([encode_words(*row) for row in rows])
    root, proofs = reference.tree(rows)
    assert tree.root == root
    assert [list(proof) for proof in tree.proofs] == proofs


def _row(dice: random.Random) -> tuple[int, str, str, int]:
    one, other = (f"0x{dice.getrandbits(160):040x}" for _ in range(2))
    return dice.randrange(1, 1 << 32), one, other, dice.getrandbits(256)


@pytest.mark.timeout(900)  # Node checks every proof that it gives
@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=pytest.mark.soak)])
def test_random_sets_have_the_librarys_root_and_proofs(reference: Reference, count: int) -> None:
    dice = random.Random(20_261_122)
    leaves = 0
    for _ in range(count):
        rows = [_row(dice) for _ in range(min(dice.randrange(1, 24), dice.randrange(1, 24)))]
        tree = build_tree([encode_words(*row) for row in rows])
        root, proofs = reference.tree(rows)
        assert tree.root == root
        assert [list(proof) for proof in tree.proofs] == proofs
        leaves += len(rows)
    print(f"\n{count} random sets with {leaves} leaves: roots and all proofs equal the library's")  # noqa: T201  # a figure


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, seed=st.integers())
def test_root_does_not_depend_on_the_order_and_every_proof_holds(
    rows: list[tuple[int, str, str, int]], seed: int
) -> None:
    leaves = [encode_words(*row) for row in rows]
    tree = build_tree(leaves)
    shuffled = leaves.copy()
    random.Random(seed).shuffle(shuffled)
    assert build_tree(shuffled).root == tree.root == merkle_root(iter(leaves))
    assert all(verify_proof(tree.root, leaf, proof) for leaf, proof in zip(leaves, tree.proofs, strict=True))


@settings(max_examples=200, deadline=None)
@given(rows=ROWS, forged=st.binary(min_size=0, max_size=160), siblings=st.lists(st.binary(min_size=32, max_size=32)))
def test_forged_leaves_and_proofs_are_refused(
    rows: list[tuple[int, str, str, int]], forged: bytes, siblings: list[bytes]
) -> None:
    leaves = [encode_words(*row) for row in rows]
    tree = build_tree(leaves)
    if forged not in leaves:
        assert not any(verify_proof(tree.root, forged, proof) for proof in tree.proofs)
        assert not verify_proof(tree.root, forged, ["0x" + sibling.hex() for sibling in siblings])


def test_inner_node_does_not_pass_for_a_leaf() -> None:
    left, right = encode_words(1, "0x01", "0x02", 3), encode_words(1, "0x01", "0x03", 4)
    tree = build_tree([left, right])
    pair = b"".join(sorted((leaf_hash(left), leaf_hash(right))))
    assert len(pair) == 64
    assert not verify_proof(tree.root, pair, [])


def test_tree_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one leaf"):
        build_tree([])
    with pytest.raises(ValueError, match="at least one leaf"):
        merkle_root([])


@pytest.mark.parametrize("value", [-1, 1 << 256, "0x" + "11" * 33])
def test_values_that_do_not_fit_a_word_are_refused(value: int | str) -> None:
    with pytest.raises(ValueError, match=r"is not a uint256|is longer than"):
        encode_words(value)
