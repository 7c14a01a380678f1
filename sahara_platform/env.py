"""The one place that reads the environment.

Every key is typed here; a missing or malformed one stops start-up with its name and what it should be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent


class Environment(BaseSettings):
    """The process environment of web, workers and the bridge. Names are upper case in the environment."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True)

    mode: Literal["development", "production"] = Field(
        "production", validation_alias="SAHARA_MODE", description="'development' or 'production'"
    )
    secret_key: str = Field(min_length=32, description="a random string of at least 32 characters")
    vault_keys: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="comma-separated master keys of stored files, each 32 random bytes in Base64, the newest first",
    )
    database_url: str = Field(
        pattern=r"^postgres(ql)?://", description="postgresql://… of the application's role (no owner, no superuser)"
    )
    database_owner_url: str | None = Field(
        None, pattern=r"^postgres(ql)?://", description="postgresql://… of the owner's role; only migrations need it"
    )
    database_pool_size: int = Field(8, ge=0, description="connections kept by a process; 0 for none")
    database_prepared_statements: bool = Field(
        default=True,
        description="whether connections keep prepared statements; not behind a pooler that shares them out",
    )
    redis_url: str = Field(pattern=r"^rediss?://", description="redis://host:port/db of Valkey or Redis")
    public_url: str = Field(
        "http://127.0.0.1:8000",
        pattern=r"^https?://[^/]+$",
        description="https://host under which users reach the site",
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        default_factory=lambda: ["127.0.0.1", "localhost", "[::1]"], description="comma-separated host names"
    )
    storage_dir: Path = Field(
        BASE_DIR / "var" / "storage", description="directory for files, when no AWS bucket is set"
    )
    aws_storage_bucket_name: str | None = Field(None, description="S3 bucket; unset means STORAGE_DIR")
    aws_s3_endpoint_url: str | None = Field(None, description="S3 endpoint, for stores other than AWS")
    aws_s3_region_name: str = Field("us-east-1", description="S3 region")
    chain_id: int = Field(31337, gt=0, description="EVM chain id, an integer")
    chain_confirmations: int = Field(2, ge=0, description="blocks after which a chain fact counts")
    stripe_api_key: str = Field(description="Stripe secret key (sk_…)", min_length=8)
    stripe_api_base: str = Field("https://api.stripe.com", pattern=r"^https?://", description="Stripe API base URL")
    stripe_webhook_secret: str = Field(description="Stripe webhook signing secret (whsec_…)", min_length=8)
    checkout_origins: Annotated[list[str], NoDecode] = Field(
        default_factory=lambda: ["https://checkout.stripe.com"],
        description="comma-separated origins that a payment form may lead to",
    )
    runner_url: str = Field(pattern=r"^https?://", description="http://host:port of the gpu_runner")
    runner_token: str = Field(min_length=16, description="shared secret of the gpu_runner, at least 16 characters")
    email_url: str = Field("console:", description="smtp://user:password@host:port or 'console:'")
    default_from_email: str = Field("Sahara <no-reply@localhost>", description="sender of e-mails")
    label_fee_bps: int = Field(1000, ge=0, le=5000, description="platform fee on labels, in basis points")
    sale_fee_bps: int = Field(1000, ge=0, le=5000, description="platform fee on sales, in basis points")
    minimum_withdrawal_minor: int = Field(10, ge=1, description="smallest withdrawal, in cents")

    wallet_change_wait: int = Field(24, ge=0, description="hours until a changed payout wallet is in force")
    withdrawal_approval_minor: int = Field(
        100_000, ge=1, description="from this amount on, in cents, one member of the staff approves a withdrawal"
    )
    withdrawal_second_approval_minor: int = Field(
        1_000_000, ge=1, description="from this amount on, in cents, two members of the staff approve a withdrawal"
    )
    withdrawal_daily_limit_minor: int = Field(
        5_000_000, ge=1, description="most that one organisation withdraws within 24 hours, in cents"
    )
    payouts_daily_limit_minor: int = Field(
        100_000_000, ge=1, description="most that all organisations withdraw within 24 hours, in cents"
    )
    payout_unclaimed_days: int = Field(
        365, ge=1, description="days after which an unclaimed payout may be taken back to its payee's earnings"
    )

    @field_validator("allowed_hosts", "checkout_origins", "vault_keys", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def load() -> Environment:
    """Read the environment, or stop the process with one line per bad key."""
    try:
        return Environment()
    except ValidationError as error:
        lines = ["The environment is not complete:"]
        for problem in error.errors():
            key = str(problem["loc"][0])
            field = Environment.model_fields.get(key.lower())
            alias = field.validation_alias if field is not None and isinstance(field.validation_alias, str) else key
            expected = field.description if field is not None else ""
            lines.append(f"  {alias.upper()}: {problem['msg']}. It should be: {expected}")
        lines.append("`make run` sets all of them; docs/guides/production.md lists them.")
        sys.exit("\n".join(lines))
