"""Licence templates in plain words. A template never changes; a new wording gets a new code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from apps.assets.types import AccessRight


@dataclass(frozen=True)
class LicenceTerms:
    """What a licence allows, in words that a buyer understands."""

    code: str
    right: AccessRight
    title: str
    may: tuple[str, ...]
    may_not: tuple[str, ...]

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the template's canonical JSON: what was agreed can be proved later."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return "0x" + hashlib.sha256(text.encode()).hexdigest()


_TEMPLATES = (
    LicenceTerms(
        code="use-internal-1",
        right=AccessRight.USE,
        title="Use inside your organisation",
        may=(
            "Use it in your organisation, by page and by API",
            "Keep and act on what it gives you",
        ),
        may_not=(
            "Offer it to people outside your organisation",
            "Train or fine-tune on it, or build other assets from it",
            "Pass the licence on",
        ),
    ),
    LicenceTerms(
        code="use-commercial-1",
        right=AccessRight.USE,
        title="Use in your products",
        may=(
            "Use it in your organisation and inside products that you sell",
            "Show and sell what it gives you",
        ),
        may_not=(
            "Resell the asset itself",
            "Train or fine-tune on it, or build other assets from it",
            "Pass the licence on",
        ),
    ),
    LicenceTerms(
        code="develop-royalty-1",
        right=AccessRight.DEVELOP,
        title="Build on it, share what it earns",
        may=(
            "Everything that use allows, also inside products that you sell",
            "Train, fine-tune and build your own assets from it, and sell those",
            "Keep what you built when the licence ends",
        ),
        may_not=(
            "Resell the asset itself",
            "Leave it out of the provenance of what you build: the stated royalty goes back to it",
            "Pass the licence on",
        ),
    ),
)

TEMPLATES = {template.code: template for template in _TEMPLATES}
"""All templates by code."""
