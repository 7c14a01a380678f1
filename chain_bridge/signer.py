"""The only place that holds the key: turns a call with a given nonce and given fees into signed bytes."""

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import HexStr
from pydantic import SecretStr

from chain_bridge.errors import BridgeError
from chain_bridge.types import Call, Fees, SignedTransaction


class InvalidKey(BridgeError):
    """The configured key is not a private key. The message never contains it."""


class Signer:
    """Signs for one account. It decides nothing: nonce, gas and fees come from the caller, who has stored them."""

    def __init__(self, key: SecretStr, chain_id: int, *, variable: str = "CHAIN_SIGNER_KEY") -> None:
        try:
            self._account: LocalAccount = Account.from_key(key.get_secret_value())
        except Exception:
            # Without the cause: the library's messages may quote the key.
            raise InvalidKey(f"{variable} must be 0x and 64 hex digits") from None
        self._chain_id = chain_id

    @property
    def address(self) -> str:
        """The account's checksummed address."""
        return str(self._account.address)

    def sign(self, call: Call, *, nonce: int, gas: int, fees: Fees) -> SignedTransaction:
        """Sign a type 2 transaction. Signing the same again gives the same bytes (RFC 6979)."""
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": self._chain_id,
                "nonce": nonce,
                "to": HexStr(call.to),
                "data": HexStr(call.data),
                "value": 0,
                "gas": gas,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.priority_fee,
            }
        )
        return SignedTransaction(bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex())
