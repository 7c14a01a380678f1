"""`python -m examples.demo --url …`: load the demo workspace into a running platform; does nothing where it exists.

Everything is made as a user would make it, also the payment: nothing is written past the API. A run that was cut off
is taken up where it stopped, because each step first looks for what it would make.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from pathlib import Path

from examples.demo import ROOT
from examples.golden_path.checkout import top_up
from sahara import ApiError, Client
from sahara.models import ModelVersion

EMAIL = "demo@sahara.example"
#: Public on purpose: the demo is loaded into embedded platforms only, which listen on this machine alone.
PASSWORD = "sahara-demo"  # noqa: S105
TEAM = "Duneline (demo)"
FUNDS_MINOR = 5_000
TO_LABEL = 60
CHECKS = 12
BASE, AGENT, MODEL, DATA = "Duneline manuals", "Duneline support desk", "Support triage", "Labelled support messages"
ORDER = "What does the customer write about?"


def main() -> int:
    """Load the workspace; 0 when it is complete."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    url = parser.parse_args().url
    client = _team(url)
    _place_order(client)
    classifier = _train(client)
    _build_agent(client, classifier)
    print(f"The demo workspace is loaded: sign in as {EMAIL} with the password {PASSWORD}, and switch to {TEAM}")
    return 0


def _team(url: str) -> Client:
    """The demo's team, as its owner."""
    try:
        person = Client.sign_up(url, EMAIL, PASSWORD)
    except ApiError:
        person = Client.sign_in(url, EMAIL, PASSWORD)
    teams = [found for found in person.account.organisations() if found.name == TEAM]
    team = teams[0] if teams else person.account.create_organisation(TEAM)
    return person.acting_for(team.id).with_api_key("demo")


def _messages() -> list[dict[str, str]]:
    with (ROOT / "examples" / "support_messages.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _place_order(client: Client) -> None:
    """An open order, so that a first paid task waits on the board."""
    if any(found.title == ORDER for found in client.orders.list()):
        return
    if client.billing.balance().available.amount_minor < FUNDS_MINOR // 2:
        top_up(client, FUNDS_MINOR, email=EMAIL)
    messages = _messages()
    order = client.orders.create(
        title=ORDER,
        instruction=(
            "Read the message and choose what it is mostly about. **Example:** “I was charged twice” is *billing*."
        ),
        rows=[{"text": row["text"]} for row in messages[: TO_LABEL - CHECKS]],
        gold_rows=messages[TO_LABEL - CHECKS : TO_LABEL],
        classes=sorted({row["label"] for row in messages}),
        price_minor=4,
    )
    client.orders.launch(order.id)
    print(f"Order {order.id} is on the task board")


def _train(client: Client) -> ModelVersion:
    """A classifier trained on messages that were labelled before."""
    for run in client.training.list():
        if run.name == MODEL and run.model_version_id is not None:
            return client.training.model(run.model_version_id)
    found = [dataset for dataset in client.datasets.list() if dataset.name == DATA]
    dataset = found[0] if found else client.datasets.create(DATA, "Support messages of a fictional maker of sensors")
    versions = client.datasets.versions(dataset.id)
    if not versions:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "messages.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, ["text", "label"])
                writer.writeheader()
                writer.writerows({"text": row["text"], "label": row["label"]} for row in _messages()[TO_LABEL:])
            versions = [client.datasets.upload_version(dataset.id, path)]
    started = client.training.start(dataset_version_id=versions[0].id, method="head", name=MODEL)
    run = client.training.wait(started.id, timeout_s=900)
    if run.model_version_id is None or run.result is None:
        raise RuntimeError(f"the training run {run.state}: {run.error_message}")
    print(f"Model {MODEL}: accuracy {run.result.accuracy_before:.2f} -> {run.result.accuracy_after:.2f}")
    return client.training.model(run.model_version_id)


def _build_agent(client: Client, classifier: ModelVersion) -> None:
    """An agent that answers from three documents, published and offered."""
    published_names = [found.config["name"] for found in client.agents.list() if found.current_version is not None]
    if AGENT in published_names:
        return
    base = client.knowledge.create(BASE, "Handbook, billing rules and the gateway's data sheet")
    client.knowledge.add_documents(base.id, sorted((ROOT / "examples" / "documents").glob("duneline-*")))
    client.knowledge.wait_until_read(base.id)
    agent = client.agents.create(
        "support-desk", name=AGENT, knowledge_base_ids=[base.id], classifier_version_id=classifier.id
    )
    published = client.agents.publish(agent.id)
    client.marketplace.offer(published.asset_id, price_minor=900, period_days=30)
    print(f"Agent {AGENT}: {published.url}")


if __name__ == "__main__":
    sys.exit(main())
