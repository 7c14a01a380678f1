"""Assets to test with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.assets import services
from apps.assets.types import AssetKind
from apps.core.tenant import tenant_scope

ROOT = "0x" + "ab" * 32


@pytest.fixture
def release() -> Callable[..., Any]:
    """`release(actor, name="…", kind=…, asset_id=None, **arguments of release_version)` in the actor's scope."""

    def make(actor: Any, name: str = "Reviews", kind: AssetKind = AssetKind.DATASET, **arguments: Any) -> Any:
        with tenant_scope(actor.organisation_id):
            asset_id = arguments.pop("asset_id", None)
            if asset_id is None:
                asset_id = services.register_asset(actor=actor, kind=kind, name=name).id
            arguments = {"content_root": ROOT, "metadata": {"rows": 3}} | arguments
            return services.release_version(actor=actor, asset_id=asset_id, **arguments)

    return make
