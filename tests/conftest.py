"""Fixtures that every test may use. The parts they run on are started by `tests.parts`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.databases import Databases
from tests.gpu_runner.runner_fixtures import prepared_models, runner, start_runner
from tests.scheduling import pytest_collection_modifyitems, pytest_xdist_make_scheduler

__all__ = [
    "prepared_models",
    "pytest_collection_modifyitems",
    "pytest_xdist_make_scheduler",
    "runner",
    "start_runner",
]

DATABASES = Databases()

# How long an example takes says something of the machine and what else it does, nothing of the code.
UNHURRIED = hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.register_profile("soak", UNHURRIED)
# A whole run draws the same examples each time: it tells of the change, not of luck. The soak tests look for more.
hypothesis_settings.register_profile("suite", UNHURRIED, derandomize=True)


def pytest_configure(config: pytest.Config) -> None:
    """Choose how examples are drawn, before any test is read."""
    hypothesis_settings.load_profile("soak" if config.getoption("markexpr") == "soak" else "suite")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> None:
    """Migrate the run's database as its owner; tests then connect as the application's role."""
    with django_db_blocker.unblock():
        DATABASES.prepare()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let no file of tests see what the tests of another have committed."""
    DATABASES.enter(item)


@pytest.fixture(autouse=True, scope="session")
def _no_truncation() -> None:
    """Append-only tables cannot be truncated: a transactional test makes its own organisation, no clean slate."""
    from django.test import TransactionTestCase

    TransactionTestCase._fixture_teardown = lambda self: None  # type: ignore[attr-defined]  # private in the stubs


@pytest.fixture(autouse=True, scope="session")
def _fast_passwords() -> Iterator[None]:
    """A password's hash is slow on purpose; here thousands of people are made who hardly ever sign in."""
    from django.test import override_settings

    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def make_actor(db: None) -> Callable[..., Any]:
    """`make_actor(role=Role.OWNER, organisation_id=None, name="…")`: a signed-up user as an actor of a (new) team."""
    from apps.accounts.models import User
    from apps.accounts.services import ensure_personal_organisation
    from apps.core.tenant import tenant_scope
    from apps.tenancy import services as tenancy
    from apps.tenancy.models import Membership
    from apps.tenancy.types import Actor, Role

    def make(role: Role = Role.OWNER, organisation_id: Any = None, name: str = "Team", personal: bool = False) -> Actor:
        user = User.objects.create_user(f"{secrets.token_hex(8)}@example.org", "a-long-password", display_name=name)
        ensure_personal_organisation(user=user)
        if personal:
            from apps.tenancy.selectors import actor_for

            return actor_for(user.id)
        if organisation_id is None:
            organisation_id = tenancy.create_organisation(user_id=user.id, name=f"{name} {secrets.token_hex(3)}").id
            if role != Role.OWNER:
                with tenant_scope(organisation_id):
                    Membership.objects.filter(user_id=user.id).update(role=role)
        else:
            with tenant_scope(organisation_id):
                Membership.objects.create(tenant_id=organisation_id, user_id=user.id, role=role)
        return Actor(user.id, organisation_id, role)

    return make


@pytest.fixture
def actor(make_actor: Callable[..., Any]) -> Iterator[Any]:
    """The owner of a team, with the team's scope entered."""
    from apps.core.tenant import tenant_scope

    made = make_actor()
    with tenant_scope(made.organisation_id):
        yield made


@pytest.fixture
def other_actor(make_actor: Callable[..., Any]) -> Any:
    """The owner of another team (its scope is not entered)."""
    return make_actor(name="Other")


@pytest.fixture
def annotator(make_actor: Callable[..., Any]) -> Any:
    """A person in the own personal organisation (scope not entered)."""
    return make_actor(name="Annotator", personal=True)


@pytest.fixture
def client_for() -> Callable[[Any], Any]:
    """`client_for(actor)`: a Django test client, signed in, acting for the actor's organisation."""
    from django.test import Client

    from apps.accounts.middleware import ORGANISATION_KEY
    from apps.accounts.models import User

    def make(actor: Any) -> Client:
        client = Client()
        client.force_login(User.objects.get(id=actor.user_id), "allauth.account.auth_backends.AuthenticationBackend")
        session = client.session
        session[ORGANISATION_KEY] = str(actor.organisation_id)
        session.save()
        return client

    return make


@pytest.fixture
def api_for() -> Callable[[Any], Any]:
    """`api_for(actor)`: a DRF APIClient with an API key of the actor's."""
    from rest_framework.test import APIClient

    from apps.core.tenant import tenant_scope
    from apps.tenancy.services import issue_api_key

    def make(actor: Any) -> APIClient:
        with tenant_scope(actor.organisation_id):
            key = issue_api_key(actor=actor, name="test")
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.secret}")
        return client

    return make


@pytest.fixture
def fund() -> Callable[..., None]:
    """`fund(organisation_id, cents)`: prepaid cash, as after a top-up."""
    from apps.core.money import Money
    from apps.ledger import services as ledger
    from apps.ledger.types import AccountKind, AccountRef, SourceRef
    from apps.tenancy.types import PLATFORM_ID

    def make(organisation_id: Any, cents: int) -> None:
        ledger.transfer(
            debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
            credit=AccountRef(organisation_id, AccountKind.CASH, "USD"),
            amount=Money(cents),
            idempotency_key=f"test-fund:{secrets.token_hex(8)}",
            reason="Top-up",
            source=SourceRef("test", "fund"),
        )

    return make
