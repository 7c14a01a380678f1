"""What follows from the confirmed events about an asset: pure rules over them, in the chain's order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.assets.types import ChainFactInfo

REGISTRY = "AssetRegistry"
SHARES = "AssetShares"
LICENCES = "LicenseBook"
NOBODY = "0x" + 40 * "0"

RIGHT_BITS = 8
"""A licence's ERC-1155 id is its asset's id followed by this many bits for the right."""

_ASSET_ARGUMENT = {
    (REGISTRY, "Transfer"): "tokenId",
    (SHARES, "SharesCreated"): "asset",
    (LICENCES, "LicenceIssued"): "asset",
    (LICENCES, "LicenceRevoked"): "asset",
    (LICENCES, "LicenceBought"): "asset",
    (LICENCES, "OfferSet"): "asset",
    (LICENCES, "OfferRemoved"): "asset",
}
_ERC1155_CONTRACTS = (SHARES, LICENCES)


@dataclass(frozen=True)
class TokenPosition:
    """Where an asset's token is. `minted_there` says that it has never moved."""

    address: str
    since_block: int
    tx_hash: str
    minted_there: bool


@dataclass(frozen=True)
class TokenMove:
    """One movement of an ERC-1155 id."""

    sender: str
    receiver: str
    id: int
    units: int


def asset_token_ids(contract: str, event: str, args: Mapping[str, Any]) -> list[int]:
    """The assets that an event is about, by token id; none for events that say nothing about an asset."""
    name = _ASSET_ARGUMENT.get((contract, event))
    if name is not None:
        return [int(args[name])]
    shift = RIGHT_BITS if contract == LICENCES else 0
    # Moves of nothing cost a stranger little and say nothing.
    return sorted({move.id >> shift for move in token_moves(contract, event, args) if move.units})


def token_moves(contract: str, event: str, args: Mapping[str, Any]) -> Iterator[TokenMove]:
    """The movements that an ERC-1155 event of ours tells of."""
    if contract not in _ERC1155_CONTRACTS:
        return
    sender, receiver = str(args.get("from", "")), str(args.get("to", ""))
    if event == "TransferSingle":
        yield TokenMove(sender, receiver, int(args["id"]), int(args["value"]))
    elif event == "TransferBatch":
        for token_id, units in zip(args["ids"], args["values"], strict=True):
            yield TokenMove(sender, receiver, int(token_id), int(units))


def in_order(facts: Iterable[ChainFactInfo]) -> list[ChainFactInfo]:
    """Facts as the chain ordered them."""
    return sorted(facts, key=lambda fact: (fact.block_number, fact.log_index))


def token_position(facts: Sequence[ChainFactInfo]) -> TokenPosition | None:
    """Who holds an asset's token by its registry's facts; None before it is minted."""
    moves = [fact for fact in in_order(facts) if (fact.contract, fact.event) == (REGISTRY, "Transfer")]
    if not moves or moves[-1].args["to"] == NOBODY:
        return None
    last = moves[-1]
    return TokenPosition(str(last.args["to"]), last.block_number, last.tx_hash, last.args["from"] == NOBODY)


def share_balances(facts: Sequence[ChainFactInfo], token_id: int) -> dict[str, int]:
    """Shares of an asset by address, from the facts of its shares; addresses with none are left out."""
    units: dict[str, int] = defaultdict(int)
    for fact in facts:
        for move in token_moves(fact.contract, fact.event, fact.args):
            if fact.contract == SHARES and move.id == token_id:
                units[move.sender] -= move.units
                units[move.receiver] += move.units
    return {address: held for address, held in sorted(units.items()) if held > 0 and address != NOBODY}


def first_share_holder(facts: Sequence[ChainFactInfo]) -> str | None:
    """The address that an asset's shares were created for."""
    created = [fact for fact in facts if (fact.contract, fact.event) == (SHARES, "SharesCreated")]
    return str(created[0].args["holder"]) if created else None
