"""Addresses of custodial accounts, computed without a node: where CREATE2 puts the account of an organisation.

The factory (``CustodyAccounts.sol``) makes minimal proxies (ERC-1167) of an implementation that it created itself in
its constructor. Both addresses follow from the factory's alone.
"""

from uuid import UUID

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

_PROXY_HEAD = bytes.fromhex("3d602d80600a3d3981f3363d3d373d3d3d363d73")
_PROXY_TAIL = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")


def organisation_key(organisation_id: UUID) -> str:
    """The organisation's name in the contract: bytes32 as 0x-hex, the UUID padded with zeros on the left."""
    return "0x" + organisation_id.bytes.rjust(32, b"\0").hex()


def implementation_address(factory: str) -> str:
    """The contract that the factory created first (CREATE with nonce 1: keccak of the RLP of address and 1)."""
    return str(to_checksum_address(keccak(b"\xd6\x94" + _bytes(factory) + b"\x01")[12:]))


def account_address(factory: str, organisation_id: UUID) -> str:
    """The checksummed address of an organisation's account, whether it is deployed or not.

    Args:
        factory: address of ``CustodyAccounts``.
        organisation_id: the salt, padded as `organisation_key` does.
    """
    init_code = _PROXY_HEAD + _bytes(implementation_address(factory)) + _PROXY_TAIL
    salt = organisation_id.bytes.rjust(32, b"\0")
    return str(to_checksum_address(keccak(b"\xff" + _bytes(factory) + salt + keccak(init_code))[12:]))


def _bytes(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))
