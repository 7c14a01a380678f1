"""Licences as the contract has them, from the confirmed events about an asset: pure rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from apps.assets.chain_facts import LICENCES, NOBODY, RIGHT_BITS, in_order, token_moves
from apps.assets.types import AccessRight, ChainFactInfo
from apps.core.money import TOKEN_UNITS_PER_MINOR, Money
from apps.marketplace.types import ChainLicenceState

#: 9999-12-31: contracts count seconds farther than calendars do.
LAST_MOMENT = 253_402_214_400
CHAIN_CURRENCY = "TUSD"
RIGHT_NUMBERS = {AccessRight.USE: 1, AccessRight.DEVELOP: 2}
"""The rights as the contract counts them."""

_RIGHTS = {number: right for right, number in RIGHT_NUMBERS.items()}
_RIGHT_MASK = (1 << RIGHT_BITS) - 1

Key = tuple[AccessRight, str]
"""(right, address): what an address has of one asset."""


@dataclass(frozen=True)
class Slot:
    """One address's licence of one right, as the contract's slot has it; `expires_at` is None without an end."""

    right: AccessRight
    address: str
    terms_hash: str
    expires_at: datetime | None
    state: ChainLicenceState
    tx_hash: str
    block_number: int
    is_bought: bool = False
    received_from: str = ""


@dataclass(frozen=True)
class ChainPurchase:
    """A licence that was paid to the contract. `key` names it for ever, wherever the chain puts its transaction."""

    key: str
    right: AccessRight
    address: str
    raw_price: int
    tx_hash: str

    @property
    def price(self) -> Money:
        """The price in the currency that the token is pegged to, rounded down to its minor unit."""
        return Money(self.raw_price // TOKEN_UNITS_PER_MINOR[CHAIN_CURRENCY])


def slots(facts: Sequence[ChainFactInfo]) -> dict[Key, Slot]:
    """What every address has, or had, of an asset."""
    found: dict[Key, Slot] = {}
    bought: set[tuple[str, AccessRight, str]] = set()
    for fact in in_order(fact for fact in facts if fact.contract == LICENCES):
        if fact.event == "LicenceBought":
            bought.add((fact.tx_hash, *_key(fact)))
        elif fact.event == "LicenceIssued":
            right, address = _key(fact)
            found[right, address] = Slot(
                right=right,
                address=address,
                terms_hash=str(fact.args["termsHash"]),
                expires_at=_moment(int(fact.args["expiresAt"])),
                state=ChainLicenceState.HELD,
                tx_hash=fact.tx_hash,
                block_number=fact.block_number,
                is_bought=(fact.tx_hash, right, address) in bought,
            )
        elif fact.event == "LicenceRevoked":
            _end(found, _key(fact), ChainLicenceState.REVOKED, fact)
        else:
            _move(found, fact)
    return found


def purchases(facts: Sequence[ChainFactInfo]) -> list[ChainPurchase]:
    """The licences of an asset that were paid to the contract."""
    found: list[ChainPurchase] = []
    repeats: Counter[tuple[str, AccessRight, str]] = Counter()
    for fact in in_order(fact for fact in facts if (fact.contract, fact.event) == (LICENCES, "LicenceBought")):
        right, address = _key(fact)
        number = repeats[fact.tx_hash, right, address]
        repeats[fact.tx_hash, right, address] += 1
        key = f"chain:{fact.tx_hash}:{right}:{address}:{number}"
        found.append(ChainPurchase(key, right, address, int(fact.args["price"]), fact.tx_hash))
    return found


def _key(fact: ChainFactInfo) -> Key:
    return _RIGHTS[int(fact.args["right"])], str(fact.args["holder"])


def _move(found: dict[Key, Slot], fact: ChainFactInfo) -> None:
    """A transfer takes the whole licence along. (What comes from nobody was told by `LicenceIssued`.)"""
    for move in token_moves(fact.contract, fact.event, fact.args):
        right = _RIGHTS.get(move.id & _RIGHT_MASK)
        held = found.get((right, move.sender)) if right is not None and move.units else None
        if held is None or right is None or move.sender in (NOBODY, move.receiver):
            continue
        if move.receiver == NOBODY:
            _end(found, (right, move.sender), ChainLicenceState.REVOKED, fact)
            continue
        _end(found, (right, move.sender), ChainLicenceState.MOVED, fact)
        found[right, move.receiver] = replace(
            held,
            address=move.receiver,
            tx_hash=fact.tx_hash,
            block_number=fact.block_number,
            is_bought=False,
            received_from=move.sender,
        )


def _end(found: dict[Key, Slot], key: Key, state: ChainLicenceState, fact: ChainFactInfo) -> None:
    if key in found:
        found[key] = replace(found[key], state=state, tx_hash=fact.tx_hash, block_number=fact.block_number)


def _moment(seconds: int) -> datetime | None:
    """When a licence ends; None where it does not, or only after the last date that a calendar here has."""
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds <= LAST_MOMENT else None
