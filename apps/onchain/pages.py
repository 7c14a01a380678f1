"""The staff's page about the chain: signers, nodes, what waits, and whether platform and chain say the same."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from apps.onchain import selectors
from apps.tenancy.actors import maybe_actor
from apps.tenancy.policies import require_staff


@require_GET
@never_cache
def staff_chain(request: HttpRequest) -> HttpResponse:
    """The page. 404 for others."""
    require_staff(maybe_actor(request))
    context = {
        "state": selectors.chain_status(),
        "lanes": selectors.lanes(),
        "nodes": selectors.nodes(),
        "contracts": selectors.contract_addresses(),
        "reconciliation": selectors.latest_reconciliation(),
    }
    return render(request, "onchain/staff.html", context)
