"""EVM addresses: their form, and which of them are nobody's wallet."""

from __future__ import annotations

from collections.abc import Callable

from eth_utils.address import is_address, is_checksum_address, to_checksum_address

from apps.accounts.errors import InvalidWalletAddress

ZERO_ADDRESS = "0x" + "0" * 40

Refusal = Callable[[str], str | None]

_refusals: dict[str, Refusal] = {}


def refuses_wallets(function: Refusal) -> Refusal:
    """Register `(address) -> why it cannot be a wallet, or None`. The apps above know addresses that this one cannot.

    Registered in a module `handlers`, which is loaded at start-up.
    """
    _refusals[f"{function.__module__}.{function.__name__}"] = function
    return function


def wallet_address_of(text: str) -> str:
    """The address that somebody has typed, with its EIP-55 checksum.

    Args:
        text: 0x and 40 hex digits; mixed case must fit the checksum.

    Raises:
        InvalidWalletAddress: not an address, a wrong checksum, or an address that nobody can withdraw from.
    """
    address = text.strip()
    if not address.startswith(("0x", "0X")) or not is_address(address):
        raise InvalidWalletAddress(address, "A wallet address is 0x followed by 40 hex digits.")
    digits = address[2:]
    if digits not in (digits.lower(), digits.upper()) and not is_checksum_address(address):
        raise InvalidWalletAddress(address, "The checksum does not fit: a character of the address is wrong.")
    checksummed = str(to_checksum_address(address))
    if checksummed == ZERO_ADDRESS:
        raise InvalidWalletAddress(address, "Nobody can withdraw from the zero address.")
    for name in sorted(_refusals):
        reason = _refusals[name](checksummed)
        if reason is not None:
            raise InvalidWalletAddress(address, reason)
    return checksummed
