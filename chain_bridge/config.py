"""The bridge's environment, read in this one place. Only the bridge process and the deployment need the key."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

GWEI = 10**9
_ADDRESS = r"^0x[0-9a-fA-F]{40}$"
_ADDRESSES = Path(__file__).resolve().parents[1] / "var" / "chain" / "addresses.json"


class ReaderConfig(BaseSettings):
    """What reading the chain needs; no key. A missing or malformed value is refused with the name of the variable."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    rpc_url: str = Field("http://127.0.0.1:8545", pattern=r"^https?://", validation_alias="CHAIN_RPC_URL")
    rpc_fallback_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        (), validation_alias="CHAIN_RPC_FALLBACK_URLS", description="more nodes of the same chain, separated by commas"
    )
    chain_id: int = Field(31337, gt=0, validation_alias="CHAIN_ID")
    addresses_file: Path = Field(_ADDRESSES, validation_alias="CHAIN_ADDRESSES_FILE")
    log_chunk_blocks: int = Field(2_000, ge=1, validation_alias="CHAIN_LOG_CHUNK_BLOCKS")
    rpc_timeout_s: float = Field(10.0, gt=0, validation_alias="CHAIN_RPC_TIMEOUT_S")
    reconcile_interval_s: float = Field(
        3600.0, ge=0, validation_alias="CHAIN_RECONCILE_INTERVAL_S", description="0: only by command"
    )

    @field_validator("rpc_fallback_urls", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("rpc_fallback_urls")
    @classmethod
    def _are_urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            if not url.startswith(("http://", "https://")):
                raise ValueError("every one must start with http:// or https://")
        return value

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """All nodes, the main one first."""
        return (self.rpc_url, *self.rpc_fallback_urls)


class BridgeConfig(ReaderConfig):
    """Settings of the bridge process. A missing or malformed value stops start-up with the name of the variable."""

    signer_key: SecretStr = Field(validation_alias="CHAIN_SIGNER_KEY", description="0x and 64 hex digits")
    payouts_signer_key: SecretStr | None = Field(
        None,
        validation_alias="CHAIN_PAYOUTS_SIGNER_KEY",
        description="the key that pays out, so that payouts wait for nothing else; unset: CHAIN_SIGNER_KEY signs all",
    )
    token_address: str | None = Field(
        None, validation_alias="CHAIN_PAYOUT_TOKEN", description="an existing stablecoin; unset deploys a test token"
    )
    timelock_delay_s: int | None = Field(
        None, ge=0, validation_alias="CHAIN_TIMELOCK_DELAY_S", description="unset: two days, and none on anvil"
    )
    proposer_address: str | None = Field(
        None,
        validation_alias="CHAIN_PROPOSER",
        pattern=_ADDRESS,
        description="who proposes and executes at the timelock that is admin of the contracts; unset: the signer",
    )
    pauser_address: str | None = Field(
        None, validation_alias="CHAIN_PAUSER", pattern=_ADDRESS, description="who can stop the contracts; as above"
    )
    recoverer_address: str | None = Field(
        None, validation_alias="CHAIN_RECOVERER", pattern=_ADDRESS, description="who recovers what nobody claimed"
    )
    confirmations: int = Field(2, ge=0, validation_alias="CHAIN_CONFIRMATIONS")
    replace_after_blocks: int = Field(5, ge=1, validation_alias="CHAIN_REPLACE_AFTER_BLOCKS")
    max_fee_cap_wei: int = Field(500 * GWEI, gt=0, validation_alias="CHAIN_MAX_FEE_WEI")
    max_in_flight: int = Field(32, ge=1, validation_alias="CHAIN_MAX_IN_FLIGHT")
    poll_interval_s: float = Field(0.5, gt=0, validation_alias="CHAIN_POLL_INTERVAL_S")
    halt_after_s: float = Field(
        120.0, gt=0, validation_alias="CHAIN_HALT_AFTER_S", description="no new block for so long is told as a halt"
    )

    @field_validator(
        "payouts_signer_key",
        "timelock_delay_s",
        "proposer_address",
        "pauser_address",
        "recoverer_address",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: Any) -> Any:
        return None if value == "" else value
