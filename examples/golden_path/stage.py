"""What the steps share: the people, and what they have made so far."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from examples.golden_path.chain import Chain
from examples.golden_path.texts import Texts
from examples.golden_path.workers import Worker
from sahara import Client
from sahara.models import DatasetVersion, Listing, ModelVersion, Order, PublishedAgent, Purchase


@dataclass
class Stage:
    """One run of the story."""

    url: str
    run: str
    seed: int
    texts: Texts
    chain: Chain | None
    people: dict[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    requester: Client = field(init=False)
    buyer: Client = field(init=False)
    order: Order = field(init=False)
    dataset: DatasetVersion = field(init=False)
    classifier: ModelVersion = field(init=False)
    adapter: ModelVersion = field(init=False)
    agent: PublishedAgent = field(init=False)
    knowledge_asset_id: str = field(init=False)
    listing: Listing = field(init=False)
    purchase: Purchase = field(init=False)

    def email(self, who: str) -> str:
        """A fresh address in this run."""
        return f"{who}-{self.run}@golden-path.example"

    def sign_up(self, who: str, team: str = "") -> Client:
        """A new account with an API key, for itself or for a team that it founds."""
        with Client.sign_up(self.url, self.email(who), secrets.token_urlsafe(16)) as person:
            if not team:
                return person.with_api_key("golden path")
            with person.acting_for(person.account.create_organisation(team).id) as member:
                return member.with_api_key("golden path")
