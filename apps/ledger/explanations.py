"""How apps explain their transfers to payees.

A transfer carries its facts in `SourceRef.detail`. Where the app that caused it can say more, or where to look, it
has a module `explanations.py` with functions registered here; the ledger does not know of the apps above it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.utils.module_loading import autodiscover_modules

from apps.core.money import Money
from apps.ledger.types import Facts, SourceRef

Explainer = Callable[[SourceRef, UUID], Facts]

_explainers: dict[str, Explainer] = {}

#: Facts that people can read, in the order shown; ids and addresses are for programs.
LABELS = {
    "rule": "Rule",
    "role": "Your part",
    "weight": "Your share",
    "label": "Your label",
    "asset_name": "Asset",
    "price": "Price paid",
    "fee_bps": "Fee, in hundredths of a percent",
    "address": "Wallet",
}


def explains(source_type: str) -> Callable[[Explainer], Explainer]:
    """Register `(source, reader's organisation) -> Facts` for transfers that a type of source caused."""

    def register(function: Explainer) -> Explainer:
        _explainers[source_type] = function
        return function

    return register


def explain(source: SourceRef, organisation_id: UUID) -> Facts:
    """What is to be said of a cause: by the app that knows it, else from the facts that the transfer carries."""
    autodiscover_modules("explanations")
    explainer = _explainers.get(source.type)
    return explainer(source, organisation_id) if explainer is not None else Facts(readable(source.detail))


def readable(detail: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The facts of a detail with their names, as people read them."""
    return tuple((label, _text(detail[key])) for key, label in LABELS.items() if detail.get(key) not in (None, ""))


def _text(value: Any) -> str:
    if isinstance(value, Mapping) and {"amount_minor", "currency"} <= set(value):
        return str(Money(int(value["amount_minor"]), str(value["currency"])))
    return str(value)
