"""The register of comparisons: each app says how what it stores is to be compared with the chain.

An app puts its comparisons in a module `comparisons`, which is loaded at start-up; the bridge, which alone reaches the
chain, runs all of them (`apps.onchain.reconciliation`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol


class ChainReader(Protocol):
    """The chain as a comparison sees it: as of one block, up to which everything counts."""

    @property
    def chain_id(self) -> int:
        """The chain."""

    @property
    def block(self) -> int:
        """The block as of which the contracts are read; events up to it are confirmed here."""

    def address(self, contract: str) -> str:
        """Where a contract of ours is. Raises UnknownContract."""

    def read(self, contract: str, function: str, *args: Any) -> list[Any]:
        """Call a view function of a contract of ours; JSON values, integers as decimal strings.

        Raises:
            CallReverts: the contract refuses (an owner of a token that does not exist, for one).
        """


Comparison = Callable[[ChainReader], Iterator[str]]

_comparisons: dict[str, Comparison] = {}


def comparison(name: str) -> Callable[[Comparison], Comparison]:
    """Register a generator of differences between what is stored and the chain, one sentence each.

    A difference counts when it is found several times in a row, so that what is on its way through the outbox is none.

    Args:
        name: `<app>.<what>`, shown to the staff: "assets.owners".
    """

    def register(function: Comparison) -> Comparison:
        _comparisons[name] = function
        return function

    return register


def comparisons() -> dict[str, Comparison]:
    """All registered comparisons by name, in the order of their names."""
    return dict(sorted(_comparisons.items()))
