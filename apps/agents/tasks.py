"""Thin Celery shells."""

from __future__ import annotations

from celery import shared_task

from apps.agents import services
from apps.agents.services import team_answers, teams


@shared_task(name="agents.end_due_runs", ignore_result=True)
def end_due_runs() -> None:
    """End teams' runs whose time is over, and tell the ends that nobody has waited for."""
    teams.end_due_runs()
    team_answers.tell_left_runs()


@shared_task(name="agents.give_up_old_answers", ignore_result=True)
def give_up_old_answers() -> None:
    """End answers whose calls nobody decided."""
    services.give_up_old_answers()


@shared_task(name="agents.forget_old_responses", ignore_result=True)
def forget_old_responses() -> None:
    """Delete responses of the API that are older than they are kept."""
    services.forget_old_responses()
