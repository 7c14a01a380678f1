"""What the platform's own people see of money in: the daily comparison, open differences, disputes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from apps.accounts.access import actor_required
from apps.billing import selectors
from apps.core.tenant import all_tenants, tenant_scope
from apps.tenancy.actors import actor_of
from apps.tenancy.policies import require_staff
from apps.tenancy.types import PLATFORM_ID

SHOWN = 50


@require_GET
@actor_required
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """Every comparison of the last weeks, what still differs, and who disputes what."""
    actor = actor_of(request)
    require_staff(actor)
    with tenant_scope(PLATFORM_ID):
        days = list(selectors.reconciliations(actor)[:SHOWN])
        differences = list(selectors.differences(actor)[:SHOWN])
    with all_tenants(reason="staff look at every organisation's disputes"):
        disputes = list(selectors.every_dispute(actor)[:SHOWN])
    context = {"days": days, "differences": differences, "disputes": disputes}
    return render(request, "billing/staff.html", context)
