"""Health of the runner, as `/readyz` shows it."""

from __future__ import annotations

from apps.compute.runner import runner_health
from apps.core.health import PartDown, check


@check("runner")
def runner() -> str:
    """The runner answers and its bundled models are loaded."""
    health = runner_health()
    if not health.ready:
        raise PartDown(f"{health.status}: {health.detail}" if health.detail else health.status)
    return health.status
