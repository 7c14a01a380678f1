"""One organisation with something in every room, each thing carrying a canary in its name."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from apps.accounts import services as accounts
from apps.agents import services as agents
from apps.agents.models import AbTest, PendingCall
from apps.agents.services import teams
from apps.agents.teams.types import Edge, Graph, Node, NodeKind
from apps.agents.types import ConnectionKind
from apps.billing.models import SavedCard, TopUp
from apps.core import clock, outbox
from apps.core.money import Money
from apps.datasets import services as datasets
from apps.knowledge import services as knowledge
from apps.labeling import services as labeling
from apps.labeling import uploads
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.marketplace import services as marketplace
from apps.payouts import services as payouts
from apps.tenancy import services as tenancy
from apps.tenancy.types import PLATFORM_ID, Actor, Role

CANARY = "canaryq7x3"
WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ROWS = f"text,label\n{CANARY} one,ham\n{CANARY} two,spam\n{CANARY} three,ham\n{CANARY} four,spam\n".encode()


def furnish(api: Any, actor: Actor, seller: Actor, buyable: Any) -> None:
    """Fill the actor's organisation (whose scope is entered).

    Args:
        api: the actor's API client.
        seller: owns `buyable`, a listing that the actor buys.
    """
    tenancy.record_audit(actor, action=CANARY, target_type="t", target_id="1")
    tenancy.invite_member(actor=actor, email=f"{CANARY}@example.org", role=Role.MEMBER)
    accounts.set_wallet(actor=actor, address=WALLET)
    _fund(actor.organisation_id, AccountKind.CASH, 10_000)
    _fund(actor.organisation_id, AccountKind.EARNINGS, 500)
    order = api.post(
        "/api/v1/orders/",
        {
            "title": f"Order {CANARY}",
            "instruction": f"{CANARY}: ham or spam?",
            "classes": ["ham", "spam"],
            "price_minor": 2,
            "redundancy": 3,
            "machine": {"mode": "assist"},
            "rows": [{"text": f"{CANARY} {n}", "label": "ham"} for n in range(12)],
        },
        format="json",
    )
    assert order.status_code == 201, order.content
    _skill(actor)
    _imports(api)
    _datasets(actor)
    base = knowledge.create_knowledge_base(actor=actor, name=f"Base {CANARY}", description=CANARY)
    text = f"# {CANARY}\n\nNobody else may read this."
    [added] = knowledge.add_documents(
        actor=actor,
        knowledge_base_id=base.id,
        files=[knowledge.Upload(f"{CANARY}.md", len(text), io.BytesIO(text.encode()))],
    )
    knowledge.plant_canary(actor=actor, knowledge_base_id=base.id)
    knowledge.note_told(actor=actor, reader_id=actor.organisation_id, told={added.document.id: [(0, 9)]})
    knowledge.add_question_set(
        actor=actor, knowledge_base_id=base.id, name=f"Questions {CANARY}", text=f"{CANARY}? | {CANARY}.md"
    )
    knowledge.add_pages(actor=actor, knowledge_base_id=base.id, addresses=[f"http://127.0.0.1:9/{CANARY}"])
    agent = agents.create_agent_from_template(actor=actor, template_key="support-desk", name=f"Agent {CANARY}")
    agents.update_agent(actor=actor, agent_id=agent.id, changes=agents.AgentChanges(job=f"Keeps {CANARY}."))
    agents.create_connection(
        actor=actor, kind=ConnectionKind.HTTP, name=f"Shop {CANARY}", url="https://shop.example/", secret=CANARY
    )
    agents.upload_table(actor=actor, filename=f"{CANARY}.csv", file=io.BytesIO(ROWS))
    kept = agents.save_evaluation_set(actor=actor, name=CANARY, cases=[{"question": CANARY}])
    run = agents.start_evaluation(actor=actor, agent_id=agent.id, set_id=kept.id)
    agents.cancel_evaluation(actor=actor, agent_id=agent.id, run_id=run.id)
    AbTest.objects.create(agent_id=agent.id)
    _call(actor, agent.id)
    _team(actor)
    TopUp.objects.create(amount=500, currency="USD", session_id=f"cs_{CANARY}")
    SavedCard.objects.create(method_id=f"pm_{CANARY}", brand=CANARY, last4="4242", exp_month=1, exp_year=2030)
    payouts.request_withdrawal(actor=actor, amount=Money(100))
    marketplace.buy_licence(actor=actor, listing_id=buyable.id, idempotency_key=str(uuid4()))


def _call(actor: Actor, agent_id: UUID) -> None:
    """A call with side effects that waits for the actor."""
    PendingCall.objects.create(
        agent_id=agent_id,
        agent_name=f"Agent {CANARY}",
        owner_id=actor.organisation_id,
        user_id=actor.user_id,
        spec={},
        tool="shop_placeorder",
        arguments={"item": CANARY},
        arguments_hash="0" * 64,
        expires_at=clock.now() + timedelta(hours=1),
    )


def _team(actor: Actor) -> None:
    """A team with a version, and a run that waits for a person."""
    look = Node("look", NodeKind.APPROVAL, f"Look {CANARY}")
    ends = Node("in", NodeKind.INPUT, "In"), Node("out", NodeKind.OUTPUT, "Out")
    graph = Graph((ends[0], look, ends[1]), (Edge("in", "look"), Edge("look", "out")))
    team = teams.create_team(actor=actor, name=f"Team {CANARY}", job=CANARY, graph=graph)
    teams.publish_team(actor=actor, team_id=team.id)
    teams.start_run(actor=actor, team_id=team.id, question=CANARY)


def _skill(actor: Actor) -> None:
    """A skill that is closed: an open one is there for all annotators to see."""
    rows = [{"text": f"{CANARY} {n}", "label": "ham"} for n in range(3)]
    labeling.create_skill(
        actor=actor,
        name=f"Skill {CANARY}",
        instruction=CANARY,
        classes=["ham", "spam"],
        table=uploads.read_rows(rows, with_answers=True),
        price=Money(1),
        drawn=3,
        is_open=False,
    )


def _imports(api: Any) -> None:
    """An import with an item, a picture and a row in quarantine."""
    picture, target = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(f"{CANARY}.png", picture.getvalue())
        archive.writestr("manifest.csv", f"file,text\n{CANARY}.png,{CANARY} a@example.org\nno.png,{CANARY}\n")
    upload = SimpleUploadedFile(f"{CANARY}.zip", target.getvalue())
    rights = {"licence": "MIT", "source": CANARY, "consent": True, "consent_text": CANARY}
    answer = api.post("/api/v1/imports/", {"file": upload, **rights}, format="multipart")
    assert answer.status_code == 201, answer.content
    outbox.drain()
    assert api.get(f"/api/v1/imports/{answer.json()['id']}/").json()["items"] == 1


def _datasets(actor: Actor) -> None:
    version = datasets.upload_dataset(
        actor=actor, name=f"Data {CANARY}", summary=CANARY, file=io.BytesIO(ROWS), filename="rows.csv"
    )
    assert version.id


def _fund(organisation_id: UUID, kind: AccountKind, cents: int) -> None:
    ledger.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=AccountRef(organisation_id, kind, "USD"),
        amount=Money(cents),
        idempotency_key=f"world:{uuid4()}",
        reason=CANARY,
        source=SourceRef("test", CANARY),
    )
