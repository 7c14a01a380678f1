"""What the routes of one process share."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from gpu_runner.config import RunnerSettings
from gpu_runner.errors import Unauthorised
from gpu_runner.jobs.supervisor import JobSupervisor
from gpu_runner.registry import ModelRegistry
from gpu_runner.serving import EnginePool, Serving


@dataclass(frozen=True)
class AppState:
    """The parts of the running service."""

    settings: RunnerSettings
    registry: ModelRegistry
    pool: EnginePool
    serving: Serving
    jobs: JobSupervisor


def app_state(request: Request) -> AppState:
    """Dependency: the parts."""
    return cast("AppState", request.app.state.parts)


def authorised(request: Request) -> None:
    """Dependency: the bearer token is right. Raises Unauthorised."""
    expected = app_state(request).settings.token.get_secret_value()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), expected.encode()):
        raise Unauthorised("Send the runner's token as a bearer token.")


Parts = Annotated[AppState, Depends(app_state)]
