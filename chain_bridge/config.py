"""The bridge's environment, read in this one place. Only the bridge process and the deployment need the key."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

GWEI = 10**9
_ADDRESSES = Path(__file__).resolve().parents[1] / "var" / "chain" / "addresses.json"


class BridgeConfig(BaseSettings):
    """Settings of the bridge process. A missing or malformed value stops start-up with the name of the variable."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    rpc_url: str = Field("http://127.0.0.1:8545", pattern=r"^https?://", validation_alias="CHAIN_RPC_URL")
    chain_id: int = Field(31337, gt=0, validation_alias="CHAIN_ID")
    signer_key: SecretStr = Field(validation_alias="CHAIN_SIGNER_KEY", description="0x and 64 hex digits")
    addresses_file: Path = Field(_ADDRESSES, validation_alias="CHAIN_ADDRESSES_FILE")
    token_address: str | None = Field(
        None, validation_alias="CHAIN_PAYOUT_TOKEN", description="an existing stablecoin; unset deploys a test token"
    )
    confirmations: int = Field(2, ge=0, validation_alias="CHAIN_CONFIRMATIONS")
    replace_after_blocks: int = Field(5, ge=1, validation_alias="CHAIN_REPLACE_AFTER_BLOCKS")
    max_fee_cap_wei: int = Field(500 * GWEI, gt=0, validation_alias="CHAIN_MAX_FEE_WEI")
    max_in_flight: int = Field(32, ge=1, validation_alias="CHAIN_MAX_IN_FLIGHT")
    poll_interval_s: float = Field(0.5, gt=0, validation_alias="CHAIN_POLL_INTERVAL_S")
    log_chunk_blocks: int = Field(2_000, ge=1, validation_alias="CHAIN_LOG_CHUNK_BLOCKS")
