"""The gateway's answers and errors against a real node."""

from typing import Any

import pytest
from pydantic import SecretStr

from chain_bridge import abi
from chain_bridge.errors import (
    CallReverts,
    InvalidArguments,
    NonceTooLow,
    RpcUnavailable,
    SignerUnfunded,
    UnknownContract,
)
from chain_bridge.gateway import Gateway
from chain_bridge.signer import InvalidKey, Signer
from chain_bridge.types import Call, Fees
from tests.chain_bridge.chain_fixtures import CHAIN_ID, DeployedChain

STRANGER = "0x1212121212121212121212121212121212121212"
NO_ROOT = "0x" + "00" * 32
FEES = Fees(max_fee=10**11, priority_fee=10**9)


def _set_root(chain: DeployedChain, *args: Any) -> Call:
    distributor = chain.contracts["PayoutDistributor"]
    return Call(distributor.address, abi.encode_call(distributor.abi, "setRoot", args))


def test_refused_call_names_the_contracts_own_error(chain: DeployedChain) -> None:
    call = _set_root(chain, NO_ROOT, "0x" + "11" * 32, "100")
    with pytest.raises(CallReverts, match=r"AccessControlUnauthorizedAccount\(" + STRANGER):
        chain.gateway.estimate_gas(STRANGER, call, [chain.contracts["PayoutDistributor"].abi])


def test_sent_transaction_has_a_receipt_and_sending_it_again_is_no_error(own_chain: DeployedChain) -> None:
    gateway = own_chain.gateway
    own_chain.automine(on=False)
    signer = Signer(own_chain.config.signer_key, own_chain.config.chain_id)
    call = _set_root(own_chain, NO_ROOT, "0x" + "11" * 32, 0)
    nonce = gateway.nonce(signer.address)
    signed = signer.sign(call, nonce=nonce, gas=gateway.estimate_gas(signer.address, call), fees=FEES)
    gateway.broadcast(signed.raw)
    gateway.broadcast(signed.raw)
    assert gateway.knows(signed.hash)
    assert gateway.receipt(signed.hash) is None
    own_chain.mine()
    receipt = gateway.receipt(signed.hash)
    assert receipt is not None
    assert receipt.succeeded
    assert gateway.block(receipt.block.number) == receipt.block
    with pytest.raises(NonceTooLow):
        gateway.broadcast(signer.sign(call, nonce=nonce, gas=100_000, fees=FEES).raw)


def test_signer_without_money_is_reported_as_such(chain: DeployedChain) -> None:
    poor = Signer(SecretStr("0x" + "77" * 32), chain.config.chain_id)
    with pytest.raises(SignerUnfunded):
        chain.gateway.broadcast(poor.sign(Call(STRANGER, "0x"), nonce=0, gas=21_000, fees=FEES).raw)


def test_absent_things_are_none(chain: DeployedChain) -> None:
    assert chain.gateway.receipt("0x" + "11" * 32) is None
    assert not chain.gateway.knows("0x" + "11" * 32)
    assert chain.gateway.block(10**6) is None
    assert chain.gateway.code(STRANGER) == b""


def test_node_that_is_down_is_unavailable() -> None:
    with pytest.raises(RpcUnavailable, match=r"127\.0\.0\.1:1"):
        Gateway("http://127.0.0.1:1", timeout_s=1).head()


def test_signing_twice_gives_the_same_bytes() -> None:
    signer = Signer(SecretStr("0x" + "11" * 32), CHAIN_ID)
    call = Call(STRANGER, "0x1234")
    first = signer.sign(call, nonce=3, gas=50_000, fees=FEES)
    assert first == signer.sign(call, nonce=3, gas=50_000, fees=FEES)
    assert first.hash != signer.sign(call, nonce=4, gas=50_000, fees=FEES).hash


def test_malformed_key_is_refused_without_being_quoted() -> None:
    with pytest.raises(InvalidKey) as caught:
        Signer(SecretStr("not-a-key-but-secret"), CHAIN_ID)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ([NO_ROOT, "0x11", "not a number"], InvalidArguments),
        ([NO_ROOT, "0x" + "11" * 32, -1], InvalidArguments),
        ([NO_ROOT, "0x" + "11" * 33, 0], InvalidArguments),
        ([NO_ROOT, "0x" + "11" * 32], UnknownContract),
    ],
)
def test_arguments_that_do_not_fit_are_refused(chain: DeployedChain, args: list[Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        _set_root(chain, *args)
