"""Encryption at rest with a key for each object, wrapped by its organisation's, wrapped by the master key (ADR 16).

Destroying an object's key makes every copy of its bytes unreadable, wherever copies are kept.
"""

from apps.core.vault.errors import Altered, Shredded, VaultLocked
from apps.core.vault.objects import OpenedObject, delete, keep, object_url, open_object, put, shred_organisation
from apps.core.vault.tending import collect_leftovers, holds_objects, seal_plain, working_folder

__all__ = [
    "Altered",
    "OpenedObject",
    "Shredded",
    "VaultLocked",
    "collect_leftovers",
    "delete",
    "holds_objects",
    "keep",
    "object_url",
    "open_object",
    "put",
    "seal_plain",
    "shred_organisation",
    "working_folder",
]
