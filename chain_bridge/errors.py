"""What can go wrong between us and the chain, by what the caller must do about it."""


class BridgeError(Exception):
    """Base of all errors of the bridge."""


class RpcUnavailable(BridgeError):
    """The node cannot be reached or answers nonsense: try again later, nothing is lost."""


class RpcRefused(RpcUnavailable):
    """The node answered with an error of its own."""


class NodesDisagree(RpcUnavailable):
    """The nodes do not say the same, and no side has the majority: wait, and look at them."""


class FeeAboveCap(BridgeError):
    """Gas costs more than the configured cap now: wait until the price falls."""


class CallReverts(BridgeError):
    """The contract refuses the call. ``reason`` names the contract's own error where it can be decoded."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NonceTooLow(BridgeError):
    """The chain has a transaction with this nonce already: ours, or another one with the same key."""


class Underpriced(BridgeError):
    """The node wants a higher fee: for the next block, or than another transaction of this nonce that it holds."""


class SignerUnfunded(BridgeError):
    """The signer's account cannot pay for the gas."""


class UnknownContract(BridgeError):
    """No contract of that name is deployed, or it has no such function."""


class InvalidArguments(BridgeError):
    """The arguments do not fit the function's parameters."""


class ChainMismatch(BridgeError):
    """The node serves another chain than the one configured, or a chain that lost its history."""
