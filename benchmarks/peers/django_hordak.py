"""django-hordak's side of the ledger benchmark; runs with hordak's own interpreter, not the platform's.

Reads a number a line, makes as many transfers with `Account.transfer_to`, each committed by itself, and answers a line.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from urllib.parse import unquote, urlsplit


def main() -> None:
    """Set up tables in a schema of their own, then serve."""
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    url, schema = urlsplit(os.environ["DATABASE_URL"]), os.environ["SCHEMA"]
    settings.configure(
        SECRET_KEY="benchmark",  # noqa: S106  # nothing is signed
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DEFAULT_CURRENCY="USD",
        CURRENCIES=["USD"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": url.path.lstrip("/"),
                "USER": unquote(url.username or ""),
                "PASSWORD": unquote(url.password or ""),
                "HOST": unquote(url.hostname or ""),
                "PORT": str(url.port or ""),
                "OPTIONS": {"options": f"-c search_path={schema}"},
            }
        },
    )
    django.setup()
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    call_command("migrate", verbosity=0)
    serve()


def serve() -> None:
    """Make transfers between two accounts, as many as each line of the input asks for."""
    account = import_module("hordak.models").Account
    cash = account.objects.create(name="Cash", type="LI", code="1", currencies=["USD"])
    earnings = account.objects.create(name="Earnings", type="LI", code="2", currencies=["USD"])
    one = import_module("moneyed").Money("0.01", "USD")
    say({})
    for line in sys.stdin:
        for _ in range(int(line)):
            cash.transfer_to(earnings, one)
        say({})


def say(answer: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # whatever keeps it from running is the answer
        say({"problem": f"{type(error).__name__}: {error}"[:300]})
        sys.exit(1)
