"""Deployment is idempotent, resumable, and follows a chain that lost its contracts."""

from dataclasses import replace
from pathlib import Path

import pytest

from chain_bridge.config import BridgeConfig
from chain_bridge.deploy import CONTRACT_NAMES, deploy, load_contracts
from chain_bridge.errors import ChainMismatch, UnknownContract
from tests.chain_bridge.chain_fixtures import DeployedChain, deployed_chain, start_anvil


def _with(config: BridgeConfig, **changes: object) -> BridgeConfig:
    return config.model_copy(update=changes)


def test_second_deployment_changes_nothing(own_chain: DeployedChain) -> None:
    head = own_chain.gateway.head()
    again = deploy(own_chain.config)
    assert again.created == ()
    assert again.contracts == own_chain.contracts
    assert own_chain.gateway.head() == head
    assert load_contracts(own_chain.config.addresses_file, own_chain.config.chain_id) == own_chain.contracts


def test_deployment_that_was_interrupted_before_recording_finds_its_contracts(tmp_path: Path) -> None:
    with start_anvil() as url, deployed_chain(url) as chain:
        config = _with(chain.config, addresses_file=tmp_path / "addresses.json")
        first = deploy(config)
        (tmp_path / "addresses.json").unlink()
        second = deploy(config)
        assert second.created == ()
        addresses = {name: contract.address for name, contract in first.contracts.items()}
        assert {name: contract.address for name, contract in second.contracts.items()} == addresses


def test_chain_that_was_reset_gets_its_contracts_again(tmp_path: Path) -> None:
    with deployed_chain() as chain:
        before = chain
        recorded = chain.config.addresses_file.read_text()
    (tmp_path / "addresses.json").write_text(recorded)
    with start_anvil(chain_id=before.config.chain_id) as url:
        again = deploy(_with(before.config, rpc_url=url, addresses_file=tmp_path / "addresses.json"))
    assert set(again.created) == set(CONTRACT_NAMES)


def test_existing_stablecoin_is_taken_instead_of_a_test_token(own_chain: DeployedChain, tmp_path: Path) -> None:
    token = own_chain.contracts["PayoutToken"]
    config = _with(own_chain.config, token_address=token.address.lower(), addresses_file=tmp_path / "addresses.json")
    deployment = deploy(config)
    assert replace(deployment.contracts["PayoutToken"], block=token.block) == token
    paid_in = own_chain.gateway.read(deployment.contracts["PayoutDistributor"], "payoutToken")
    assert paid_in == [token.address]


def test_wrong_chain_id_and_missing_stablecoin_stop_the_deployment(own_chain: DeployedChain, tmp_path: Path) -> None:
    with pytest.raises(ChainMismatch, match=f"serves chain {own_chain.config.chain_id}, CHAIN_ID is 1"):
        deploy(_with(own_chain.config, chain_id=1))
    with pytest.raises(ChainMismatch, match="CHAIN_PAYOUT_TOKEN"):
        deploy(_with(own_chain.config, token_address="0x" + "11" * 20, addresses_file=tmp_path / "a.json"))


def test_contracts_that_were_never_deployed_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownContract, match="AssetRegistry, PayoutToken, PayoutDistributor.* for chain 5"):
        load_contracts(tmp_path / "none.json", 5)
