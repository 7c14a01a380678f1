"""The client: credentials and the subjects of the API."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self
from uuid import UUID

from sahara.errors import ApiError
from sahara.resources.account import AccountResource
from sahara.resources.building import AgentsResource, TrainingResource
from sahara.resources.data import DatasetsResource, KnowledgeResource
from sahara.resources.labeling import OrdersResource, SkillsResource, WorkResource
from sahara.resources.money import BillingResource, LedgerResource
from sahara.resources.payouts import PayoutsResource
from sahara.resources.trade import AssetsResource, MarketplaceResource
from sahara.transport import Transport

SIGN_UP = "/_allauth/app/v1/auth/signup"
SIGN_IN = "/_allauth/app/v1/auth/login"


class Client:
    """A caller of the platform, for one organisation.

    Args:
        base_url: of the platform, e.g. https://platform.example.
        api_key: `sk_…`; it carries its organisation. Without one only public parts answer.

    `Client.sign_up` and `Client.sign_in` make a client with a session instead of a key.
    """

    def __init__(self, base_url: str, api_key: str | None = None, *, timeout_s: float = 60, retries: int = 4) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._use(Transport(base_url, headers, timeout_s=timeout_s, retries=retries))

    def _use(self, transport: Transport) -> None:
        self.transport = transport
        self.account = AccountResource(transport)
        self.billing = BillingResource(transport)
        self.ledger = LedgerResource(transport)
        self.orders = OrdersResource(transport)
        self.work = WorkResource(transport)
        self.skills = SkillsResource(transport)
        self.datasets = DatasetsResource(transport)
        self.training = TrainingResource(transport)
        self.knowledge = KnowledgeResource(transport)
        self.agents = AgentsResource(transport)
        self.assets = AssetsResource(transport)
        self.marketplace = MarketplaceResource(transport)
        self.payouts = PayoutsResource(transport)

    @classmethod
    def sign_up(cls, base_url: str, email: str, password: str) -> Self:
        """Make an account; the client acts for its personal organisation."""
        return cls._with_session(base_url, SIGN_UP, email, password)

    @classmethod
    def sign_in(cls, base_url: str, email: str, password: str) -> Self:
        """Sign in; the client acts for the personal organisation."""
        return cls._with_session(base_url, SIGN_IN, email, password)

    @classmethod
    def _with_session(cls, base_url: str, path: str, email: str, password: str) -> Self:
        client = cls(base_url)
        try:
            answer = client.transport.post(path, {"email": email, "password": password})
        except ApiError as error:
            client.close()
            raise _session_error(error) from error
        token = answer["meta"]["session_token"]
        anonymous = client.transport
        client._use(anonymous.with_headers(**{"X-Session-Token": token}))
        anonymous.close()
        return client

    def acting_for(self, organisation_id: UUID | str) -> Client:
        """The same session for another organisation of the caller's (an API key is bound to its own)."""
        headers = self.transport.headers | {"X-Organisation": str(organisation_id)}
        client = Client(self.transport.base_url)
        client._use(self.transport.with_headers(**headers))
        return client

    def with_api_key(self, name: str) -> Client:
        """Make an API key for the current organisation and a client that uses it."""
        key = self.account.create_api_key(name)
        return Client(
            self.transport.base_url, key.secret, timeout_s=self.transport.timeout_s, retries=self.transport.retries
        )

    @property
    def api_key(self) -> str | None:
        """The key that the client uses, for other tools (such as an OpenAI client at `<base_url>/v1`)."""
        bearer = self.transport.headers.get("Authorization", "")
        return bearer.removeprefix("Bearer ") or None

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _session_error(error: ApiError) -> ApiError:
    """The sign-in API answers in its own form: turn it into a problem document."""
    problem: dict[str, Any] = dict(error.problem)
    errors = [{"field": e.get("param", ""), "message": e.get("message", "")} for e in problem.get("errors", [])]
    problem |= {"code": "sign_in_refused", "errors": errors}
    problem["detail"] = "; ".join(e["message"] for e in errors) or problem.get("detail", "")
    return type(error)(error.status, problem)
