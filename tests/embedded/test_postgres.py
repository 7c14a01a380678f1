"""The embedded PostgreSQL: roles, privileges, sharing among sessions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sahara_platform.embedded import postgres


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.PostgresHandle]:
    handle = postgres.start(tmp_path_factory.mktemp("pg") / "data")
    handle.create_database("shop")
    yield handle
    handle.stop()


def test_it_is_postgresql_18_with_pgvector(server: postgres.PostgresHandle) -> None:
    with psycopg.connect(server.app_url("shop")) as connection:
        version = connection.execute("SHOW server_version").fetchone()
        assert version is not None
        assert version[0].startswith("18")
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,3]'::vector").fetchone() == (1.0,)


@pytest.mark.parametrize("role", [postgres.OWNER, postgres.APP])
def test_no_role_of_the_platform_may_bypass_row_level_security(server: postgres.PostgresHandle, role: str) -> None:
    with psycopg.connect(server.superuser_url) as connection:
        row = connection.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    assert row == (False, False)


def test_the_app_role_reads_and_writes_the_owners_tables_but_owns_none(server: postgres.PostgresHandle) -> None:
    with psycopg.connect(server.owner_url("shop"), autocommit=True) as owner:
        owner.execute("CREATE TABLE goods (id bigserial PRIMARY KEY, name text)")
    with psycopg.connect(server.app_url("shop"), autocommit=True) as app:
        app.execute("INSERT INTO goods (name) VALUES ('tea')")
        app.execute("UPDATE goods SET name = 'coffee'")
        assert app.execute("SELECT name FROM goods").fetchall() == [("coffee",)]
        for forbidden in ("TRUNCATE goods", "ALTER TABLE goods ADD x int", "CREATE TABLE mine (id int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden)


def test_passwords_are_private_and_wrong_ones_are_refused(server: postgres.PostgresHandle) -> None:
    assert server.data_dir.with_name("data.passwords.json").stat().st_mode & 0o077 == 0
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.app_url("shop").replace(server.passwords[postgres.APP], "guess"))


def test_sessions_share_one_server_and_the_last_one_stops_it(tmp_path: Path) -> None:
    first = postgres.start(tmp_path / "data")
    second = postgres.start(tmp_path / "data")
    assert first.port == second.port
    first.stop()
    assert second.is_ready()
    second.stop()
    assert postgres.running_server(tmp_path / "data") is None


def test_a_killed_session_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from sahara_platform.embedded import postgres; "
        "postgres.start(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "data")], check=False)
    assert postgres.running_server(tmp_path / "data") is not None
    handle = postgres.start(tmp_path / "data")
    handle.stop()
    assert postgres.running_server(tmp_path / "data") is None


def test_a_stale_pid_file_is_no_obstacle(tmp_path: Path) -> None:
    handle = postgres.start(tmp_path / "data")
    handle.stop()
    (tmp_path / "data" / "postmaster.pid").write_text(f"999999\n{tmp_path / 'data'}\n0\n5432\n\nlocalhost\n\nready\n")
    again = postgres.start(tmp_path / "data")
    assert again.is_ready()
    again.stop()
