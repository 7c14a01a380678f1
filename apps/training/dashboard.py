"""What training adds to the dashboard and the landing page."""

from __future__ import annotations

from django.urls import reverse

from apps.core.dashboard import Contribution, Figure, RecentItem, contributes
from apps.tenancy.types import Actor
from apps.training import selectors
from apps.training.policies import table
from apps.training.types import TrainingPermission

SHOWN = 4


@contributes
def training_board(actor: Actor) -> Contribution:
    """The newest runs, and how many models there are."""
    if actor.is_guest or not table.allows(actor, TrainingPermission.VIEW):
        return Contribution()
    runs = selectors.run_infos(selectors.own_runs(actor)[:SHOWN])
    models = selectors.own_models(actor).count()
    figures = (Figure("Models", f"{models:,}", url=reverse("training")),) if models else ()
    recent = tuple(
        RecentItem(run.name, reverse("training-run", args=[run.id]), "Training", run.state.value, run.created_at)
        for run in runs
    )
    return Contribution(figures=figures, recent=recent)
