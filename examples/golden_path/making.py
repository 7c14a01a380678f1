"""Steps 1 to 5: order, label, dataset, training, agent."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as parquet

from examples.golden_path import ROOT
from examples.golden_path.checkout import top_up
from examples.golden_path.report import Step
from examples.golden_path.stage import Stage
from examples.golden_path.workers import CROWD, Worker, confusion_matrix, work_in_threads
from sahara import PaymentRequired
from sahara.models import ModelVersion, TrainingRun

PRICE_MINOR = 4
REDUNDANCY = 3
DOCUMENTS = ("duneline-handbook.md", "duneline-billing.docx", "duneline-gateway.pdf")
QUESTION = "How long does a gateway keep readings without a connection?"
FACT = "72"

# A few labels are enough for the linear head, but not for the adapter of a small language model: below this many
# held-out rows its accuracy is noise, and it is shown without being judged.
ENOUGH_ROWS = 40


def order_labels(stage: Stage, step: Step) -> None:
    """An organisation orders labels, is told what is missing, pays by card, and launches."""
    client = stage.requester = stage.sign_up("requester", team=f"Requester {stage.run}")
    texts = stage.texts
    stage.order = client.orders.create(
        title=f"Golden path {stage.run}",
        instruction="Read the message and choose the class that fits best.",
        rows=[{"text": example.text} for example in texts.items],
        gold_rows=[{"text": example.text, "label": example.label} for example in texts.gold],
        classes=texts.classes,
        price_minor=PRICE_MINOR,
        redundancy=REDUNDANCY,
    )
    order = stage.order
    step.show("order", f"{order.id}: {order.items} items x {order.redundancy}, {order.gold_items} check questions")
    step.show("price", f"{order.quote.total} (fee {order.quote.fee})")
    refused = ""
    try:
        client.orders.launch(order.id)
    except PaymentRequired as error:
        refused = error.code
    step.require("launching without money is refused with 402", bool(refused), refused)
    paid = top_up(client, order.quote.total.amount_minor, email=stage.email("requester"))
    step.show("top-up", f"{paid.id}: {paid.amount}, {paid.state}")
    launched = client.orders.launch(order.id)
    balance = client.billing.balance()
    step.show("balance", f"posted {balance.posted}, held {balance.held}")
    step.require("the order runs", launched.state == "running", launched.state)
    step.require(
        "its whole price is held",
        balance.held.amount_minor == order.quote.total.amount_minor and balance.available.amount_minor == 0,
        f"available {balance.available}",
    )


def label(stage: Stage, step: Step) -> None:
    """Twelve simulated annotators sign up and answer; the order closes by itself."""
    texts, order = stage.texts, stage.order
    with ThreadPoolExecutor(4) as pool:
        clients = list(pool.map(lambda index: stage.sign_up(f"annotator-{index}"), range(len(CROWD))))
    stage.workers = [
        Worker(index, skill, client, stage.seed)
        for index, (skill, client) in enumerate(zip(CROWD, clients, strict=True))
    ]
    stage.people = {str(worker.client.account.me().organisation_id): worker.skill.name for worker in stage.workers}
    step.show("classes", ", ".join(texts.classes))
    step.show("confusion matrices", {s.name: confusion_matrix(s, texts.classes) for s in CROWD})
    work_in_threads(stage.workers, str(order.id), texts.truth, order.class_names)
    for worker in stage.workers:
        for problem in worker.problems:
            step.require(f"annotator {worker.index} worked without problems", False, problem)  # noqa: FBT003
    stopped = [worker.skill.name for worker in stage.workers if worker.stopped]
    if stopped:
        step.show("stopped for wrong check answers", ", ".join(stopped))
    stage.order = order = stage.requester.orders.wait(order.id, timeout_s=300)
    answered = sum(worker.answered for worker in stage.workers)
    step.show("answers", f"{answered}, {sum(w.right for w in stage.workers) / max(1, answered):.1%} of them right")
    totals = [(worker, list(worker.client.work.annotations())) for worker in stage.workers]
    accepted = [annotation for _, given in totals for annotation in given if annotation.state == "accepted"]
    pending = [annotation for _, given in totals for annotation in given if annotation.state == "pending"]
    step.show("accepted", f"{len(accepted)} of {sum(len(given) for _, given in totals)}")
    earned = {worker.index: worker.client.payouts.earnings().available.amount_minor for worker in stage.workers}
    step.show(
        "earned by annotator", {f"{w.index} {w.skill.name}": f"{earned[w.index] / 100:.2f}" for w in stage.workers}
    )
    step.require("the order finished", order.state == "finished", order.state)
    step.require("no answer is left undecided", not pending, len(pending))
    pay = sum(annotation.amount.amount_minor for annotation in accepted)
    step.require("annotators earned exactly what was accepted", sum(earned.values()) == pay, f"{pay / 100:.2f} USD")
    balance = stage.requester.billing.balance()
    rejected = sum(annotation.state == "rejected" for _, given in totals for annotation in given)
    most_kept = rejected * PRICE_MINOR * 2  # with the fee, which is less than the price
    step.require(
        "nothing is held but what rejected answers may be appealed for",
        balance.held.amount_minor <= most_kept and (rejected == 0) == (balance.held.amount_minor == 0),
        f"{balance.held} for {rejected} answers",
    )
    careful = [w for w in stage.workers if w.skill.name == "careful"]
    step.require("every careful annotator was paid", all(earned[w.index] > 0 for w in careful))


def check_dataset(stage: Stage, step: Step) -> None:
    """What the order made: rows, card, contributors; both downloads; a row's proof."""
    client, order = stage.requester, stage.order
    if order.dataset_id is None:
        raise RuntimeError("the finished order has no dataset")
    stage.dataset = dataset = client.datasets.versions(order.dataset_id)[0]
    lines = [line for line in client.datasets.download(dataset, "jsonl").splitlines() if line]
    table = parquet.read_table(io.BytesIO(client.datasets.download(dataset, "parquet")))
    texts, labels = table.column("text").to_pylist(), table.column("label").to_pylist()
    right = sum(label == stage.texts.truth[text] for text, label in zip(texts, labels, strict=True))
    crowd = sum(w.right for w in stage.workers) / sum(w.answered for w in stage.workers)
    step.show("dataset version", f"{dataset.id}, {dataset.rows} rows")
    step.show("content root", dataset.content_root)
    step.show("consensus accuracy", round(right / len(texts), 4))
    step.show("mean annotator", round(crowd, 4))
    step.require("JSONL and Parquet hold every row", len(lines) == table.num_rows == dataset.rows, dataset.rows)
    step.require(
        "consensus beats the mean annotator", right / len(texts) > crowd, f"{right / len(texts):.3f} > {crowd:.3f}"
    )
    named = {str(one.organisation_id) for one in dataset.contributors}
    paid = {org for org, worker in _paid(stage).items() if worker}
    step.require("every annotator with accepted labels is a contributor", paid <= named, f"{len(named)} contributors")
    proof = client.datasets.row_proof(dataset, 1)
    step.require(
        "a row proves that it is in the root", proof["content_root"] == dataset.content_root, proof["leaf"][:18]
    )
    verified = client.assets.verify(dataset.dataset_id)
    step.require("recomputed hashes agree", verified.ok, ", ".join(check.name for check in verified.checks))


def _paid(stage: Stage) -> dict[str, bool]:
    """Whether each annotator's organisation earned something."""
    return {
        org: worker.client.payouts.earnings().available.amount_minor > 0
        for org, worker in zip(stage.people, stage.workers, strict=True)
    }


def train(stage: Stage, step: Step) -> None:
    """Both kinds of training through one job interface; the held-out accuracy before and after."""
    client = stage.requester
    runs = {
        method: client.training.start(
            dataset_version_id=stage.dataset.id, method=method, name=f"{method} {stage.run}", seed=stage.seed
        )
        for method in ("head", "lora")
    }
    made: dict[str, ModelVersion] = {}
    for method, started in runs.items():
        run = client.training.wait(started.id, timeout_s=1500)
        made[method] = _check_run(stage, step, method, run)
    stage.classifier, stage.adapter = made["head"], made["lora"]


def _check_run(stage: Stage, step: Step, method: str, run: TrainingRun) -> ModelVersion:
    if run.state != "succeeded" or run.model_version_id is None or run.result is None:
        raise RuntimeError(f"the {method} run {run.state}: {run.error_code} {run.error_message}")
    result = run.result
    model = stage.requester.training.model(run.model_version_id)
    step.show(f"{method} model", f"{model.id} on {model.base}")
    step.show(
        f"{method} accuracy",
        f"{result.accuracy_before:.3f} -> {result.accuracy_after:.3f} on {result.eval_rows} held-out rows "
        f"(always the largest class: {result.majority_accuracy:.3f})",
    )
    gained = f"{result.accuracy_after - result.accuracy_before:+.3f}"
    if method == "head":
        improved = result.accuracy_after > result.accuracy_before
        step.require("head: training improved the held-out accuracy", improved, gained)
    elif result.eval_rows >= ENOUGH_ROWS:
        kept = result.accuracy_after >= result.accuracy_before
        step.require("lora: training did not lower the held-out accuracy", kept, gained)
    lineage = stage.requester.assets.lineage(model.asset_id)
    step.require(f"{method}: the model descends from the dataset", lineage.edges[0].parent_id == stage.dataset.id)
    return model


def build_agent(stage: Stage, step: Step) -> None:
    """Documents in, a cited passage out; an agent with both, tried and published."""
    client = stage.requester
    base = client.knowledge.create(f"Duneline {stage.run}", "Handbook, billing rules and data sheet")
    client.knowledge.add_documents(base.id, [ROOT / "examples" / "documents" / name for name in DOCUMENTS])
    documents = client.knowledge.wait_until_read(base.id)
    step.show("documents", {d.name: f"{d.state}, {d.chunks} chunks" for d in documents})
    step.require("all documents are indexed", all(d.state == "ready" for d in documents), len(documents))
    passages = client.knowledge.search(base.id, QUESTION)
    step.show("best passage", f"{passages[0].document}, page {passages[0].page}: {passages[0].text[:80]!r}")
    step.require("the passage that knows is among the best three", any(FACT in p.text for p in passages[:3]), QUESTION)
    stage.knowledge_asset_id = str(base.asset_id)
    agent = client.agents.create(
        "support-desk",
        name=f"Duneline desk {stage.run}",
        knowledge_base_ids=[base.id],
        classifier_version_id=stage.classifier.id,
    )
    answer = client.agents.ask(agent.id, QUESTION)
    step.show("the model writes", answer.text[:160].replace("\n", " "))
    step.show("sources", [source.get("document") for source in answer.sources])
    step.show("classified as", (answer.classification or {}).get("label"))
    step.require("the answer cites the documents", bool(answer.sources))
    step.require("the classifier took part", answer.classification is not None)
    client.agents.update(agent.id, mode="quote")
    quoted = client.agents.ask(agent.id, QUESTION)
    step.show("it quotes", quoted.text[:160].replace("\n", " "))
    step.require("the quoted answer is right", FACT in quoted.text, f"{FACT} hours")
    stage.agent = client.agents.publish(agent.id)
    step.show("published", stage.agent.url)
    lineage = client.assets.lineage(stage.agent.asset_id)
    kinds = {node.kind for node in lineage.nodes}
    step.require(
        "the agent descends from model, dataset and knowledge base",
        kinds == {"agent", "model", "dataset", "knowledge_base"},
        ", ".join(sorted(kinds)),
    )
    reached = {str(contributor.organisation_id) for contributor in lineage.contributors}
    paid = {org for org, earned in _paid(stage).items() if earned}
    step.require("its provenance reaches every paid annotator", paid <= reached, f"{len(paid)} annotators")
