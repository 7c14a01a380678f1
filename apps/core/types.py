"""Enums of the ground floor."""

from __future__ import annotations

from django.db import models


class DeliveryState(models.TextChoices):
    """What became of one event for one handler."""

    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"
