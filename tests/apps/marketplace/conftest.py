"""Something to sell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.assets import services as assets
from apps.assets.types import AssetKind, ContributionSpec, ParentRef
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.marketplace import services
from tests.apps.onchain.bridge_fixtures import driven

__all__ = ["driven"]

ROOT = "0x" + "ab" * 32


@pytest.fixture
def make_listing() -> Callable[..., Any]:
    """`make_listing(seller, contributors=[…], cents=1000, terms=…)`: an agent on a dataset, offered by its owner."""

    def make(
        seller: Any,
        contributors: tuple[Any, ...] = (),
        cents: int = 1_000,
        terms: str = "use-internal-1",
        name: str = "Helpdesk",
        **offer: Any,
    ) -> Any:
        with tenant_scope(seller.organisation_id):
            data = assets.register_asset(actor=seller, kind=AssetKind.DATASET, name="Messages")
            data_version = assets.release_version(
                actor=seller,
                asset_id=data.id,
                content_root=ROOT,
                metadata={},
                contributions=[
                    ContributionSpec(c.organisation_id, "annotator", weight + 1)
                    for weight, c in enumerate(contributors)
                ],
            )
            agent = assets.register_asset(actor=seller, kind=AssetKind.AGENT, name=name, summary="Answers customers")
            assets.release_version(
                actor=seller,
                asset_id=agent.id,
                content_root=ROOT,
                metadata={},
                parents=[ParentRef(data_version.id, 4_000)],
            )
            return services.list_asset(actor=seller, asset_id=agent.id, price=Money(cents), terms=terms, **offer)

    return make
