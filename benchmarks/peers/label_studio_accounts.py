"""Makes Label Studio's people: `python label_studio_accounts.py COUNT PASSWORD`, run in its own environment."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

import django  # its settings are in the working directory

django.setup()

from organizations.models import Organization  # noqa: E402
from users.models import User  # noqa: E402


def main(count: int, password: str) -> None:
    """Users person0 … in one organisation; the first one owns it."""
    people = [User.objects.create_user(email=f"person{n}@example.org", password=password) for n in range(count)]
    organisation = Organization.create_organization(created_by=people[0], title="Benchmark")
    for person in people:
        organisation.add_user(person)
        person.active_organization = organisation
        person.save(update_fields=["active_organization"])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
