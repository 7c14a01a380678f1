"""Everything the runner reads from its environment, checked once at start-up."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

REPOSITORY_ROOT = Path(__file__).resolve().parent.parent


class PreparationSettings(BaseSettings):
    """What `python -m gpu_runner.prepare` needs: where the converted models live (``RUNNER_MODELS_DIR``)."""

    model_config = SettingsConfigDict(env_prefix="RUNNER_", extra="ignore", frozen=True, protected_namespaces=())

    models_dir: Path = REPOSITORY_ROOT / "var" / "models"


class TrainingSettings(PreparationSettings):
    """What the child process of a training job reads; its parent passes these on, and no token."""

    threads: int = Field(default=1, ge=1, le=256, description="CPU threads per engine and per training job")
    max_data_mb: int = Field(default=256, ge=1, description="largest training file that is downloaded")


class RunnerSettings(TrainingSettings):
    """The serving process. Every field is the variable ``RUNNER_<NAME>``; only the token has no default."""

    token: SecretStr = Field(min_length=16, description="bearer token that every caller must send")
    host: str = "127.0.0.1"
    port: int = Field(default=8100, ge=1, le=65535)
    data_dir: Path = REPOSITORY_ROOT / "var" / "runner"
    preload: bool = Field(default=True, description="load the bundled models in the background at start-up")
    job_slots: int = Field(default=1, ge=0, le=16, description="training jobs that run side by side")
    job_attempts: int = Field(default=3, ge=1, le=10, description="processes one job may lose before it fails")
    chat_slots: int = Field(default=4, ge=1, le=64, description="chats that are generated at the same time")
    chat_context: int = Field(default=4096, ge=256, description="tokens of context per chat")
    max_waiting: int = Field(default=64, ge=1, description="requests in work or waiting before 'overloaded' is said")
    request_timeout_s: float = Field(default=180.0, gt=0, description="deadline of one inference request")
    max_body_mb: int = Field(default=32, ge=1, description="largest JSON body")
    max_artifact_mb: int = Field(default=512, ge=1, description="largest artifact file of a registered model")


@lru_cache(maxsize=1)
def settings() -> RunnerSettings:
    """The one settings object of this process; raises ``pydantic.ValidationError`` naming a bad or missing key."""
    return RunnerSettings()
