"""Places on an asset's page that apps above the registry fill: offers, previews, ways to call it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apps.assets.types import AssetInfo
from apps.tenancy.types import Actor


@dataclass(frozen=True)
class Panel:
    """A template with its context; smaller `order` comes first."""

    template: str
    context: dict[str, Any] = field(default_factory=dict)
    order: int = 100


PanelProvider = Callable[[Actor | None, AssetInfo], Panel | None]
"""(who looks, at what) -> a panel, or None where the app has nothing to say about this asset to this reader."""

_providers: list[PanelProvider] = []


def asset_panel(provider: PanelProvider) -> PanelProvider:
    """Register a provider (from a module that its app loads at start-up)."""
    _providers.append(provider)
    return provider


def panels_for(actor: Actor | None, asset: AssetInfo) -> list[Panel]:
    """What the apps above have to show on an asset's page, in order."""
    panels = [panel for provider in _providers if (panel := provider(actor, asset)) is not None]
    return sorted(panels, key=lambda panel: (panel.order, panel.template))
