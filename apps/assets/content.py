"""How to recompute the content root of each kind of asset: the apps that keep the content register it here."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from apps.assets.types import AssetKind
from apps.core.errors import NotFound

ContentRoot = Callable[[UUID], str]
"""Version id -> content root recomputed from what is stored now, as 0x and 64 hexadecimal digits."""

MISSING = "the content is missing"

_roots: dict[AssetKind, ContentRoot] = {}


def content_root_of(kind: AssetKind) -> Callable[[ContentRoot], ContentRoot]:
    """Register the function that recomputes content roots of a kind of asset."""

    def register(function: ContentRoot) -> ContentRoot:
        _roots[kind] = function
        return function

    return register


def recompute_content_root(kind: AssetKind, version_id: UUID) -> str | None:
    """The content root as stored content gives it now, MISSING where it is gone; None where no app keeps this kind."""
    function = _roots.get(kind)
    if function is None:
        return None
    try:
        return function(version_id)
    except NotFound:
        return MISSING
