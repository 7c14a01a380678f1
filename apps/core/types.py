"""Enums of the ground floor."""

from __future__ import annotations

from django.db import models


class DeliveryState(models.TextChoices):
    """What became of one event for one handler."""

    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"


class ObjectState(models.TextChoices):
    """What became of an object of the vault."""

    NEW = "new"  # stored, and no row refers to it yet
    KEPT = "kept"
    SEALING = "sealing"  # stored before there were keys; its bytes may be plain still
    SHREDDED = "shredded"  # its key is gone, its bytes are going
