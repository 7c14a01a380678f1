"""Makes Label Studio's people: `python label_studio_accounts.py COUNT PASSWORD`, run in its own environment."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import django


def main(count: int, password: str) -> None:
    """Users person0 … in one organisation; the first one owns it."""
    # Its settings and models are in the working directory, and not in the platform's environment.
    sys.path.insert(0, str(Path.cwd()))
    django.setup()
    users, organisations = import_module("users.models").User, import_module("organizations.models").Organization
    people = [users.objects.create_user(email=f"person{n}@example.org", password=password) for n in range(count)]
    organisation = organisations.create_organization(created_by=people[0], title="Benchmark")
    for person in people:
        organisation.add_user(person)
        person.active_organization = organisation
        person.save(update_fields=["active_organization"])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
