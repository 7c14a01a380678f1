"""What the people of the world have made, by the same services that the pages call: one scene an app, lowest first."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from apps.accounts import services as accounts
from apps.agents import selectors as agent_facts
from apps.agents import services as agent_services
from apps.agents.services import AgentChanges
from apps.assets import selectors as asset_facts
from apps.assets import services as assets
from apps.assets.types import AssetKind, ContributionSpec, ParentRef
from apps.billing.models import Dispute, Invoice, Reconciliation, SavedCard, Subscription
from apps.billing.types import DifferenceKind, PlanKey
from apps.compute.services import poll_jobs
from apps.core import clock, outbox
from apps.core.models import OutboxEvent
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.knowledge import services as knowledge
from apps.knowledge.services import Upload
from apps.labeling import services as labeling
from apps.labeling import uploads
from apps.labeling.selectors import orders as order_facts
from apps.ledger import selectors as ledger_facts
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.marketplace import services as marketplace
from apps.onchain.holders import custodial_address
from apps.payouts import services as payout_services
from apps.tenancy import services as tenancy
from apps.tenancy.types import PLATFORM_ID, Role
from apps.training import selectors as training_facts
from apps.training import services as training_services
from tests.apps.assets.chain_events import NOBODY, Chain, fresh_wallet, know_the_contracts
from tests.browser.ab_test_scene import tested
from tests.browser.appeal_scene import appeals
from tests.browser.case_scene import cases
from tests.browser.review_scene import reviews
from tests.browser.skill_scene import skills
from tests.browser.team_scene import a_team
from tests.browser.tool_scene import tooled
from tests.browser.world import World

TRAINING_LIMIT_S = 240
TRUTH = ("spam", "ham")
HANDBOOK = """# Returns

A customer may return an item within 30 days. The refund goes to the original card and takes up to five days.

# Shipping

Orders placed before 14:00 leave on the same day. Express orders arrive on the next working day.
"""


def fund(world: World, name: str, cents: int) -> None:
    """Prepaid cash, as after a top-up."""
    ledger.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=AccountRef(world.actors[name].organisation_id, AccountKind.CASH, "USD"),
        amount=Money(cents),
        idempotency_key=f"scene:{world.actors[name].organisation_id}",
        reason="Top-up",
        source=SourceRef("test", "scene"),
    )


def organisation(world: World) -> None:
    """An open invitation and an API key."""
    with world.acting("team") as team:
        tenancy.invite_member(actor=team, email="a.rather.long.address@subsidiary.example.org", role=Role.ADMIN)
        tenancy.issue_api_key(actor=team, name="Nightly import")


def money(world: World) -> None:
    """Prepaid balances."""
    fund(world, "team", 50_000)
    fund(world, "buyer", 20_000)


def registry(world: World) -> None:
    """A model built on a data set that others helped to make, released and unreleased assets."""
    person = world.actors["person"].organisation_id
    with world.acting("team") as team:
        data = assets.register_asset(
            actor=team, kind=AssetKind.DATASET, name="Support messages", summary="1,500 messages in six classes."
        )
        version = assets.release_version(
            actor=team,
            asset_id=data.id,
            content_root="0x" + "4f" * 32,
            metadata={"rows": 1500, "agreement": "0.94"},
            contributions=[
                ContributionSpec(person, "annotator", 940),
                ContributionSpec(world.actors["viewer"].organisation_id, "annotator", 560),
            ],
        )
        model = assets.register_asset(
            actor=team,
            kind=AssetKind.MODEL,
            name="Support message classifier, fine-tuned on six classes",
            summary="Sorts a message into one of six classes.",
        )
        trained = assets.release_version(
            actor=team,
            asset_id=model.id,
            content_root="0x" + "5a" * 32,
            metadata={"accuracy": "0.962"},
            parents=[ParentRef(version.id, 3000)],
        )
        draft = assets.register_asset(actor=team, kind=AssetKind.DATASET, name="Invoices, scanned")
    world.ids["model_asset_version"] = trained.id
    world.ids |= {"dataset_asset": data.id, "model_asset": model.id, "draft_asset": draft.id}


def labelling(world: World) -> None:
    """A finished order with its dataset, a running one with answers, a draft, and a draft without money."""
    with world.acting("team"):
        done = _order(world, "team", "Spam or ham", items=12)
        running = _order(world, "team", "What does the customer want, in one word of six?", items=40)
        draft = _order(world, "team", "Complaints only", items=3, launch=False)
    with world.acting("empty_team"):
        poor = _order(world, "empty_team", "First order", items=20, launch=False)
    for name in ("person", "guest"):
        _label(world, name, done, limit=100)
    outbox.drain()
    _label(world, "person", running, limit=9)
    outbox.drain()
    with world.acting("team") as team:
        finished = order_facts.order(team, done)
    world.ids |= {"order_done": done, "order": running, "order_draft": draft, "order_poor": poor}
    world.ids |= {"dataset": finished.dataset_id, "dataset_version": finished.dataset_version_id}


def imports(world: World) -> None:
    """An import that is ready with rows left out, one that failed, and one that waits for a worker."""
    rows = b"id,text\na,write to a.jones@example.org\nb,\nc,see you at seven\n"
    names = {"import": rows, "import_failed": b"id,text\n", "import_waiting": rows}
    with world.acting("team") as team:
        for name, content in names.items():
            if name == "import_waiting":
                outbox.drain()
            batch = labeling.create_import(
                actor=team,
                file=io.BytesIO(content),
                filename=f"{name}.csv",
                licence="CC-BY-4.0",
                source="Messages of our shop's customers, with their names and addresses",
                consent=True,
                consent_text="Agreed to in the shop's terms.",
            )
            world.ids[name] = batch.id
        OutboxEvent.objects.filter(payload__import_id=str(world.ids["import_waiting"])).delete()


def _order(world: World, name: str, title: str, *, items: int, launch: bool = True) -> UUID:
    words = ("win a prize now", "see you at seven")
    rows = [
        {"id": f"n{n}", "text": f"Message {n}: {words[n % 2]}", "label": TRUTH[n % 2], "gold": "yes" if n < 2 else ""}
        for n in range(items)
    ]
    actor = world.actors[name]
    order = labeling.create_order(
        actor=actor,
        title=title,
        instruction="Is the message **spam**? Spam sells or asks for money.",
        classes=["ham", "spam"],
        price=Money(4),
        redundancy=2,
        table=uploads.read_rows(rows),
    )
    if launch:
        labeling.launch_order(actor=actor, order_id=order.id)
    return order.id


def _label(world: World, name: str, order_id: UUID, *, limit: int) -> None:
    with world.acting(name) as actor:
        batch = labeling.lease_tasks(actor=actor, order_id=order_id, count=min(10, limit))
        while batch.tasks and limit > 0:
            for task in batch.tasks:
                answer = {"label": "spam" if "prize" in task.data["text"] else "ham"}
                labeling.submit_annotation(
                    actor=actor, assignment_id=task.assignment_id, answer=answer, elapsed_ms=1_400
                )
                limit -= 1
            batch = labeling.lease_tasks(actor=actor, order_id=order_id, count=max(1, min(10, limit)))


def training(world: World) -> None:
    """A finished training run with its model, and one that waits."""
    with world.acting("team") as team:
        version = world.ids["dataset_version"]
        done = training_services.start_run(actor=team, dataset_version_id=version, method="head", name="Spam filter")
        outbox.drain()
        deadline = time.monotonic() + TRAINING_LIMIT_S
        while not (run := training_facts.training_run(team, done.id)).state.final:
            assert time.monotonic() < deadline, f"the training is still {run.state}"
            poll_jobs()
            outbox.drain()
            time.sleep(0.2)
        waiting = training_services.start_run(actor=team, dataset_version_id=version, method="head", name="Second try")
    world.ids |= {"run": done.id, "run_waiting": waiting.id, "model": run.model_version_id}


def knowledge_base(world: World) -> None:
    """A knowledge base with a document that was read and one that cannot be."""
    with world.acting("team") as team:
        base = knowledge.create_knowledge_base(actor=team, name="Shop handbook", description="Returns and shipping.")
        files = [("handbook.md", HANDBOOK.encode()), ("scan.pdf", b"%PDF-1.7 broken")]
        added = knowledge.add_documents(
            actor=team,
            knowledge_base_id=base.id,
            files=[Upload(name, len(content), io.BytesIO(content)) for name, content in files],
        )
        outbox.drain()
        questions = "How long may I return an item? | handbook.md\nWhat is in the scan? | scan.pdf"
        knowledge.add_question_set(actor=team, knowledge_base_id=base.id, name="Basics", text=questions)
        outbox.drain()
        knowledge.release_version(actor=team, knowledge_base_id=base.id)
        empty = knowledge.create_knowledge_base(actor=team, name="Not filled yet")
    world.ids |= {"knowledge_base": base.id, "empty_knowledge_base": empty.id, "document": added[0].document.id}


def agents(world: World) -> None:
    """A published agent with a conversation, and a draft; the buyer holds no licence of it."""
    with world.acting("team") as team:
        desk = agent_services.create_agent_from_template(
            actor=team, template_key="support-desk", knowledge_base_ids=[world.ids["knowledge_base"]]
        )
        agent_services.update_agent(
            actor=team, agent_id=desk.id, changes=AgentChanges(classifier_version_id=world.ids["model"])
        )
        version = agent_services.publish_agent(actor=team, agent_id=desk.id)
        draft = agent_services.create_agent_from_template(actor=team, template_key="tutor")
        outbox.drain()
        said = agent_services.answer(
            actor=team,
            target=agent_facts.draft_target(team, desk.id),
            question="How long does a refund take?",
        )
        published = agent_facts.agent(team, desk.id)
        widget = agent_services.set_widget(actor=team, agent_id=desk.id, origins=["https://shop.example"])
    world.ids |= {"agent": desk.id, "agent_draft": draft.id, "agent_slug": published.slug, "agent_version": version.id}
    world.ids |= {"widget_key": widget.key_id}
    world.ids |= {"conversation": said.conversation_id, "agent_asset": published.asset_id}
    world.ids["answer_message"] = said.message_id
    with world.acting("team") as team:
        world.ids |= tooled(team, said.conversation_id) | tested(team)


def payouts(world: World) -> None:
    """Earnings of which a part is on its way to the wallet."""
    with world.acting("person") as person:
        accounts.set_wallet(actor=person, address="0x" + "ab" * 20)
        first = payout_services.request_withdrawal(actor=person, amount=Money(20))
    world.ids["withdrawal"] = first.id
    with world.acting("trader") as trader:
        ledger.transfer(
            debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
            credit=AccountRef(trader.organisation_id, AccountKind.EARNINGS, "USD"),
            amount=Money(250_000),
            idempotency_key=f"scene:{trader.organisation_id}",
            reason="Licences sold",
            source=SourceRef("marketplace.sale", "1"),
        )
        accounts.set_wallet(actor=trader, address="0x" + "cd" * 20)
        large = payout_services.request_withdrawal(actor=trader, amount=Money(200_000))
        payout_services.request_withdrawal(actor=trader, amount=Money(5_000))
    payout_services.freeze_payouts(
        actor=world.actors["staff"],
        organisation_id=world.actors["trader"].organisation_id,
        reason="A chargeback of a card is open. We answer within two days.",
    )
    world.ids["withdrawal_large"] = large.id
    with world.acting("person") as person:
        lines = ledger_facts.statement(person, kind=AccountKind.EARNINGS, currency="USD")
        world.ids["earnings_account"] = ledger_facts.accounts(person).get(kind=AccountKind.EARNINGS, currency="USD").id
    world.ids["earning"] = next(line.id for line in lines if line.incoming)


def trade(world: World) -> None:
    """An offer, a sold licence, and what it paid."""
    with world.acting("team") as team:
        listing = marketplace.list_asset(
            actor=team, asset_id=world.ids["model_asset"], price=Money(4_900), terms="use-commercial-1", period_days=365
        )
        other = marketplace.list_asset(
            actor=team,
            asset_id=world.ids["dataset_asset"],
            price=Money(1_250),
            terms="develop-royalty-1",
            royalty_bps=500,
        )
        marketplace.list_asset(
            actor=team, asset_id=world.ids["agent_asset"], price=Money(2_900), terms="use-internal-1"
        )
    with world.acting("buyer") as buyer:
        marketplace.buy_licence(actor=buyer, listing_id=listing.id, idempotency_key="scene-purchase")
    outbox.drain()
    world.ids |= {"listing": listing.id, "other_listing": other.id}


def ownership(world: World) -> None:
    """The chain has minted the model's token and its shares; a third of them moved to a wallet that nobody knows."""
    know_the_contracts()
    chain = Chain()
    home = custodial_address(world.actors["team"].organisation_id)
    model = asset_facts.asset(world.ids["model_asset"])
    chain.moves_token(model, NOBODY, home)
    chain.creates_shares(model, home, 900)
    chain.moves_shares(model, home, fresh_wallet(), 300)
    with world.acting("team") as team:
        marketplace.offer_shares(actor=team, asset_id=model.id, units=100, unit_price=Money(250))


def payments(world: World) -> None:
    """What the payment processor told of the team and of the platform: it is not there to be asked."""
    day = datetime(2026, 1, 5, tzinfo=UTC)
    with world.acting("team"):
        Subscription.objects.create(
            subscription_id="sub_1QxTeam0000000000000001",
            item_id="si_1",
            plan=PlanKey.TEAM,
            status="past_due",
            period_start=clock.now() - timedelta(days=1),
            period_end=clock.now() + timedelta(days=29),
            cancel_at_period_end=True,
        )
        for number, status in enumerate(("open", "paid")):
            Invoice.objects.create(
                invoice_id=f"in_1QxTeam000000000000000{number}",
                number=f"7F3A91C2-000{number}",
                status=status,
                amount_due=4_900,
                amount_paid=4_900 * number,
                currency="USD",
                issued_at=day,
                url="https://invoice.example.org/i/1",
                pdf_url="https://invoice.example.org/i/1/pdf",
            )
            SavedCard.objects.create(
                method_id=f"pm_{number}",
                brand="visa",
                last4=f"424{number}",
                exp_month=4,
                exp_year=2031,
                is_default=not number,
            )
        Dispute.objects.create(
            dispute_id="du_1QxTeam00000000000000001",
            payment_intent="pi_1QxTeam00000000000000001",
            amount=12_000,
            owed=4_500,
            currency="USD",
            due_by=day,
        )
    with tenant_scope(PLATFORM_ID):
        compared = Reconciliation.objects.create(day=day.date(), movements=12, gross=1_234_500, fees=35_800, applied=1)
        for kind in DifferenceKind:
            compared.differences.create(kind=kind, what="charge", processor_id=f"ch_3Qx{kind}0000000001", there=5_000)


SCENES: list[Callable[[World], None]] = [
    organisation,
    money,
    registry,
    ownership,
    labelling,
    appeals,
    skills,
    cases,
    reviews,
    imports,
    training,
    knowledge_base,
    agents,
    a_team,
    trade,
    payouts,
    payments,
]
