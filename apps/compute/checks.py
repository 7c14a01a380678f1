"""The runner's part of /readyz."""

from __future__ import annotations

from apps.compute.runner import runner_health
from apps.core.health import PartDown, check


@check("runner")
def runner() -> str:
    """The runner answers and has its models."""
    health = runner_health()
    if not health.ready:
        raise PartDown(health.detail or health.status)
    return health.detail
