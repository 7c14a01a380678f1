"""A workspace for evaluations: an organisation with its knowledge bases that was never there for anybody else.

All of it happens in one database transaction that is rolled back at the end, whatever happens, and stored files are
deleted, so that the platform's own services can be measured as they are, and nothing is left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from apps.accounts import services as accounts
from apps.core.ids import uuid7
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.knowledge.models import Document, Source
from apps.tenancy import selectors as tenancy
from apps.tenancy import services as organisations
from apps.tenancy.types import Actor


@contextmanager
def temporary_workspace(name: str) -> Iterator[Actor]:
    """The owner of a new organisation, with its scope entered; gone when the block is left."""
    # Names of its own: who takes the same one would wait until this long transaction ends.
    own = uuid7().hex[-12:]
    with transaction.atomic():
        try:
            user = accounts.start_guest(f"Guest {own}")
            team = organisations.create_organisation(user_id=user.id, name=f"{name} {own}")
            with tenant_scope(team.id):
                try:
                    yield tenancy.actor_for(user.id, team.id)
                finally:
                    _delete_files()
        finally:
            transaction.set_rollback(True)


def _delete_files() -> None:
    storage = get_storage()
    for model in (Document, Source):
        for key in model.objects.exclude(storage_key="").values_list("storage_key", flat=True):
            storage.delete(key)
