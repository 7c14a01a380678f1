"""Licence templates: what people read, and the machine-readable terms that a licence's hash on chain commits to.

A template never changes; a new wording gets a new code. What an offer adds (royalty, period) makes an `Agreement`,
whose canonical JSON is served by its Keccak-256 hash: anyone can fetch it, hash it, and compare with the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_utils.crypto import keccak

from apps.assets.records import canonical_json
from apps.assets.types import AccessRight

SCHEMA = "licence-terms/1"


@dataclass(frozen=True)
class LicenceTerms:
    """What a licence allows, in words that a buyer understands and in flags that a program does.

    `transferable`: its holder may pass it on. `revocable`: the seller may end it before its time.
    """

    code: str
    right: AccessRight
    title: str
    may: tuple[str, ...]
    may_not: tuple[str, ...]
    commercial_use: bool
    transferable: bool = False
    revocable: bool = False

    @property
    def hash(self) -> str:
        """The hash of the terms without royalty and without an end."""
        return self.agreement().hash

    def agreement(self, *, royalty_bps: int = 0, period_days: int | None = None) -> Agreement:
        """The terms of one offer."""
        return Agreement(self, royalty_bps, period_days)


@dataclass(frozen=True)
class Agreement:
    """A template with what an offer adds to it: all that a licence says."""

    terms: LicenceTerms
    royalty_bps: int
    period_days: int | None

    @property
    def document(self) -> dict[str, Any]:
        """The machine-readable terms."""
        develops = self.terms.right == AccessRight.DEVELOP
        return {
            "schema": SCHEMA,
            "code": self.terms.code,
            "title": self.terms.title,
            "rights": [AccessRight.USE.value, AccessRight.DEVELOP.value] if develops else [AccessRight.USE.value],
            "commercial_use": self.terms.commercial_use,
            "derivatives": develops,
            "royalty_bps": self.royalty_bps,
            "transferable": self.terms.transferable,
            "revocable": self.terms.revocable,
            "period_days": self.period_days,
            "may": list(self.terms.may),
            "may_not": list(self.terms.may_not),
        }

    @cached_property
    def canonical(self) -> bytes:
        """The bytes that are hashed: JSON with sorted keys, without spaces, in UTF-8."""
        return canonical_json(self.document)

    @cached_property
    def hash(self) -> str:
        """Keccak-256 of the canonical bytes, as 0x and 64 hexadecimal digits: the name of these terms on chain."""
        return "0x" + keccak(self.canonical).hex()


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
        commercial_use=False,
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
        commercial_use=True,
    ),
    LicenceTerms(
        code="use-transferable-1",
        right=AccessRight.USE,
        title="Use in your products, and pass it on",
        may=(
            "Use it in your organisation and inside products that you sell",
            "Pass the licence on to somebody else, who then has it instead of you",
        ),
        may_not=(
            "Resell the asset itself",
            "Train or fine-tune on it, or build other assets from it",
        ),
        commercial_use=True,
        transferable=True,
    ),
    LicenceTerms(
        code="use-trial-1",
        right=AccessRight.USE,
        title="Try it out",
        may=(
            "Use it in your organisation to find out whether it suits you",
            "Keep what it gave you until the licence ends",
        ),
        may_not=(
            "Rely on it: the seller may end the licence at any time, without paying back",
            "Use it in products that you sell",
            "Train or fine-tune on it, or build other assets from it",
            "Pass the licence on",
        ),
        commercial_use=False,
        revocable=True,
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
        commercial_use=True,
    ),
)

TEMPLATES = {template.code: template for template in _TEMPLATES}
"""All templates by code."""
