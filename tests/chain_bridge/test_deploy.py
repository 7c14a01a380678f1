"""Deployment is idempotent, resumable, the same everywhere, and leaves no key as admin."""

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from eth_utils.crypto import keccak
from pydantic import SecretStr

from chain_bridge.config import BridgeConfig
from chain_bridge.deploy import CONTRACT_NAMES, DeploymentFailed, Roles, deploy, load_contracts
from chain_bridge.errors import ChainMismatch, UnknownContract
from chain_bridge.gateway import Gateway
from chain_bridge.indexer import Indexer
from chain_bridge.signer import Signer
from chain_bridge.types import DeployedContract
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


def test_stablecoin_of_other_decimals_stops_the_deployment(own_chain: DeployedChain, tmp_path: Path) -> None:
    eighteen = "0x" + "5e" * 20
    # PUSH1 18, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN: answers 18 whatever it is asked.
    own_chain.gateway.development("anvil_setCode", eighteen, "0x601260005260206000f3")
    config = _with(own_chain.config, token_address=eighteen, addresses_file=tmp_path / "addresses.json")
    with pytest.raises(ChainMismatch, match="has 18 decimals, payouts are counted in 6"):
        deploy(config, salt="decimals")


def test_contracts_that_were_never_deployed_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownContract, match=r"AssetRegistry, PayoutToken, .* for chain 5"):
        load_contracts(tmp_path / "none.json", 5)


def test_addresses_are_the_same_on_every_chain_for_the_same_roles(tmp_path: Path) -> None:
    key = SecretStr("0x" + secrets.token_hex(32))
    found = []
    for chain_id in (31_337, 31_338):
        with start_anvil(chain_id=chain_id) as url, deployed_chain(url) as chain:
            config = _with(chain.config, signer_key=key, addresses_file=tmp_path / f"{chain_id}.json")
            found.append({name: contract.address for name, contract in deploy(config, salt="same").contracts.items()})
    assert found[0] == found[1]
    assert len(set(found[0].values())) == len(CONTRACT_NAMES)


class Killed(BaseException):
    """Stands for SIGKILL at a chosen point; no except clause takes it for an error."""


def test_deployment_killed_at_any_transaction_goes_on_where_it_was(own_chain: DeployedChain, tmp_path: Path) -> None:
    config = _with(own_chain.config, addresses_file=tmp_path / "addresses.json")
    broadcast = Gateway.broadcast
    kills = 0

    def kill_after_sending(gateway: Gateway, raw: bytes) -> None:
        broadcast(gateway, raw)
        raise Killed

    while True:
        # No fault from outside hits exactly between sending and recording; the gateway is stopped there instead.
        with patch.object(Gateway, "broadcast", kill_after_sending):
            try:
                deployment = deploy(config, salt="killed")
            except Killed:
                kills += 1
                continue
        break
    assert kills == len(CONTRACT_NAMES) + 3  # tokens, allowance, and the unit that stays in the distributor
    assert deployment.created == ()
    assert deploy(config, salt="killed").created == ()


def test_only_the_timelock_is_admin_by_the_chains_own_record(own_chain: DeployedChain) -> None:
    """Every grant since the first block, not only the accounts that the deployment asks about."""
    admin = "0x" + "00" * 32
    indexer = Indexer(own_chain.gateway, list(own_chain.contracts.values()), chunk_blocks=1_000)
    head = own_chain.gateway.head()
    holders: dict[str, set[str]] = {}
    scan = indexer.scan(indexer.first_block, head)
    assert scan is not None
    for event in scan.events:
        if event.event == "RoleGranted" and event.args["role"] == admin:
            holders.setdefault(event.contract, set()).add(event.args["account"])
    timelock = own_chain.contracts["Timelock"].address
    assert holders == {name: {timelock} for name in CONTRACT_NAMES}


def test_each_role_is_where_it_was_asked_for_and_the_deployer_keeps_none(
    own_chain: DeployedChain, tmp_path: Path
) -> None:
    others = {
        name: Signer(SecretStr("0x" + keccak(text=name).hex()), 1).address
        for name in vars(Roles.of(own_chain.config))
        if name != "timelock_delay_s"
    }
    config = _with(own_chain.config, addresses_file=tmp_path / "addresses.json")
    contracts = deploy(config, salt="others", roles=Roles(timelock_delay_s=3_600, **others)).contracts
    me = Signer(config.signer_key, config.chain_id).address
    assert own_chain.gateway.read(contracts["Timelock"], "getMinDelay") == ["3600"]
    for name, role, holder in (
        ("Timelock", "PROPOSER_ROLE", "proposer"),
        ("Timelock", "EXECUTOR_ROLE", "proposer"),
        ("AssetRegistry", "REGISTRAR_ROLE", "registrar"),
        ("PayoutDistributor", "PUBLISHER_ROLE", "publisher"),
        ("PayoutDistributor", "RECOVERER_ROLE", "recoverer"),
        ("RoyaltyPool", "PAUSER_ROLE", "pauser"),
        ("LicenseBook", "ISSUER_ROLE", "issuer"),
        ("AssetShares", "ISSUER_ROLE", "issuer"),
        ("CustodyAccounts", "OPERATOR_ROLE", "operator"),
        ("LedgerAnchor", "COMMITTER_ROLE", "committer"),
    ):
        assert _has(own_chain, contracts[name], role, others[holder]), f"{holder} on {name}"
        assert not _has(own_chain, contracts[name], role, me), f"the deployer on {name}"


def _has(chain: DeployedChain, contract: DeployedContract, role: str, account: str) -> bool:
    identifier = chain.gateway.read(contract, role)[0]
    return bool(chain.gateway.read(contract, "hasRole", [identifier, account])[0])


def test_payouts_signer_publishes_holds_the_tokens_and_gives_the_allowance(
    own_chain: DeployedChain, tmp_path: Path
) -> None:
    key = SecretStr("0x" + secrets.token_hex(32))
    config = _with(own_chain.config, payouts_signer_key=key, addresses_file=tmp_path / "addresses.json")
    contracts = deploy(config, salt="two keys").contracts
    token, distributor = contracts["PayoutToken"], contracts["PayoutDistributor"]
    payer, me = Signer(key, config.chain_id).address, Signer(config.signer_key, config.chain_id).address
    assert _has(own_chain, distributor, "PUBLISHER_ROLE", payer)
    assert not _has(own_chain, distributor, "PUBLISHER_ROLE", me)
    assert _has(own_chain, distributor, "RECOVERER_ROLE", payer), "the bridge sends recoveries by the payouts' signer"
    assert int(own_chain.gateway.read(token, "balanceOf", [payer])[0]) > 10**12
    assert int(own_chain.gateway.read(token, "allowance", [payer, distributor.address])[0]) > 10**30
    assert own_chain.gateway.read(token, "balanceOf", [distributor.address]) == ["1"]
    assert own_chain.gateway.balance(payer) > 0


def test_settings_name_the_timelocks_delay_and_its_people(own_chain: DeployedChain, tmp_path: Path) -> None:
    people = [Signer(SecretStr("0x" + secrets.token_hex(32)), 1).address for _ in range(3)]
    config = BridgeConfig.model_validate(
        {
            "CHAIN_RPC_URL": own_chain.config.rpc_url,
            "CHAIN_ID": own_chain.config.chain_id,
            "CHAIN_SIGNER_KEY": own_chain.config.signer_key,
            "CHAIN_PAYOUTS_SIGNER_KEY": "",
            "CHAIN_ADDRESSES_FILE": tmp_path / "addresses.json",
            "CHAIN_TIMELOCK_DELAY_S": "86400",
            "CHAIN_PROPOSER": people[0].lower(),
            "CHAIN_PAUSER": people[1],
            "CHAIN_RECOVERER": people[2],
        }
    )
    contracts = deploy(config, salt="people").contracts
    assert own_chain.gateway.read(contracts["Timelock"], "getMinDelay") == ["86400"]
    assert _has(own_chain, contracts["Timelock"], "PROPOSER_ROLE", people[0])
    assert _has(own_chain, contracts["PayoutDistributor"], "PAUSER_ROLE", people[1])
    assert _has(own_chain, contracts["PayoutDistributor"], "RECOVERER_ROLE", people[2])
    with pytest.raises(ValueError, match="CHAIN_PAUSER"):
        BridgeConfig.model_validate({"CHAIN_SIGNER_KEY": own_chain.config.signer_key, "CHAIN_PAUSER": "0x12"})


def test_role_that_was_taken_away_or_given_elsewhere_is_reported(own_chain: DeployedChain) -> None:
    registry, timelock = own_chain.contracts["AssetRegistry"], own_chain.contracts["Timelock"]
    me = Signer(own_chain.config.signer_key, own_chain.config.chain_id).address
    role, admin = (own_chain.gateway.read(registry, name)[0] for name in ("REGISTRAR_ROLE", "DEFAULT_ADMIN_ROLE"))
    as_timelock = _sender(own_chain, timelock.address)
    as_timelock(registry, "revokeRole", role, me)
    with pytest.raises(DeploymentFailed, match=f"{me} lacks REGISTRAR_ROLE on AssetRegistry"):
        deploy(own_chain.config)
    as_timelock(registry, "grantRole", role, me)
    assert deploy(own_chain.config).created == ()
    as_timelock(registry, "grantRole", admin, me)
    with pytest.raises(DeploymentFailed, match=f"{me} must not have DEFAULT_ADMIN_ROLE on AssetRegistry"):
        deploy(own_chain.config)


def _sender(chain: DeployedChain, account: str) -> Callable[..., None]:
    """Sends as an account whose key nobody has, as only a development chain can."""
    from chain_bridge import abi

    chain.gateway.development("anvil_impersonateAccount", account)
    chain.gateway.development("anvil_setBalance", account, hex(10**18))

    def send(contract: DeployedContract, function: str, *args: Any) -> None:
        data = abi.encode_call(contract.abi, function, args)
        chain.gateway.development("eth_sendTransaction", {"from": account, "to": contract.address, "data": data})
        chain.mine()

    return send


def test_contracts_of_other_sources_are_replaced_on_anvil_and_refused_elsewhere(own_chain: DeployedChain) -> None:
    path, chain_id = own_chain.config.addresses_file, str(own_chain.config.chain_id)
    records = json.loads(path.read_text())
    records[chain_id]["LedgerAnchor"]["code"] = "0x" + "00" * 32
    path.write_text(json.dumps(records))
    with patch.object(Gateway, "client_version", return_value="Geth/v1.17"), pytest.raises(ChainMismatch) as caught:
        deploy(own_chain.config)
    assert "LedgerAnchor" in str(caught.value)
    assert "0009" in str(caught.value)
    replaced = deploy(own_chain.config, salt="newer")
    assert replaced.created == ("LedgerAnchor",)
    assert replaced.contracts["AssetRegistry"] == own_chain.contracts["AssetRegistry"]
