"""What each app puts on the dashboard and on the landing page.

An app with something to show has a module `dashboard.py` with functions registered here; the apps above and below do
not know of each other. The page itself is `apps.accounts.pages.dashboard`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.module_loading import autodiscover_modules

RECENT_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its name, and the page behind it."""

    label: str
    value: str
    hint: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class RecentItem:
    """One piece of the organisation's work."""

    title: str
    url: str
    kind: str
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one app adds. `done` names the first steps (see `accounts/dashboard.html`) that are behind the user."""

    figures: tuple[Figure, ...] = ()
    recent: tuple[RecentItem, ...] = ()
    done: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Board:
    """The contributions of all apps together, newest work first."""

    figures: list[Figure] = field(default_factory=list)
    recent: list[RecentItem] = field(default_factory=list)
    done: frozenset[str] = frozenset()


Contributor = Callable[[Any], Contribution]
PublicFigure = Callable[[], Figure | None]

_contributors: dict[str, Contributor] = {}
_public_figures: dict[str, PublicFigure] = {}


def contributes(function: Contributor) -> Contributor:
    """Register `(actor) -> Contribution`, called in the actor's tenant scope on each view of the dashboard."""
    _contributors[function.__module__] = function
    return function


def public_figure(function: PublicFigure) -> PublicFigure:
    """Register `() -> Figure | None` for the landing page: a number that is true now, or None when it says nothing."""
    _public_figures[f"{function.__module__}.{function.__name__}"] = function
    return function


def collect(actor: Any) -> Board:
    """The dashboard of an actor."""
    autodiscover_modules("dashboard")
    parts = [_contributors[name](actor) for name in sorted(_contributors)]
    return Board(
        figures=[figure for part in parts for figure in part.figures],
        recent=sorted((item for part in parts for item in part.recent), key=lambda item: item.at, reverse=True)[
            :RECENT_SHOWN
        ],
        done=frozenset(name for part in parts for name in part.done),
    )


def public_figures() -> list[Figure]:
    """The landing page's live numbers."""
    autodiscover_modules("dashboard")
    found = (_public_figures[name]() for name in sorted(_public_figures))
    return [figure for figure in found if figure is not None]
