"""Steps 6 and 7: on chain, sold, used; split, withdrawn, reconciled."""

from __future__ import annotations

from fractions import Fraction

import openai
from eth_account import Account

from examples.golden_path.checkout import top_up
from examples.golden_path.making import FACT, QUESTION
from examples.golden_path.report import Step
from examples.golden_path.stage import Stage
from sahara import Client, Conflict, wait_for
from sahara.models import Asset, Reconciliation, Sale, Withdrawal

PRICE_MINOR = 25_00
TOKEN_UNITS_PER_CENT = 10_000
CHAIN_TIMEOUT_S = 180


def sell(stage: Stage, step: Step) -> None:
    """Everything is registered on chain; the agent is listed; a buyer is refused, pays, and uses it."""
    _check_registrations(stage, step)
    stage.listing = listing = stage.requester.marketplace.offer(
        stage.agent.asset_id, price_minor=PRICE_MINOR, period_days=365
    )
    step.show("listing", f"{listing.id}: {listing.price} for {listing.period_days} days")
    found = [one.id for one in stage.requester.marketplace.search(f"Duneline desk {stage.run}")]
    step.require("the marketplace finds it", listing.id in found)

    stage.buyer = buyer = stage.sign_up("buyer", team=f"Buyer {stage.run}")
    status, problem = _refused_chat(stage, buyer)
    step.show("before buying", f"{status} {problem.get('code')}: {problem.get('detail') or problem.get('message')}")
    step.require(
        "without a licence the API answers 402 and says where to get one", status == 402, problem.get("buy_url")
    )
    paid = top_up(buyer, PRICE_MINOR, email=stage.email("buyer"))
    step.show("top-up", f"{paid.id}: {paid.amount}")
    stage.purchase = purchase = buyer.marketplace.buy(listing.id, agreed_price=listing.price, idempotency_key=stage.run)
    again = buyer.marketplace.buy(listing.id, agreed_price=listing.price, idempotency_key=stage.run)
    step.show("licence", f"{purchase.licence.id} until {purchase.licence.expires_at}")
    step.require("the same purchase again is the same purchase", again == purchase)
    step.require("a second licence is refused", _second_purchase(stage, buyer) == "already_licensed")
    _use(stage, step, buyer)


def _check_registrations(stage: Stage, step: Step) -> None:
    client = stage.requester
    ids = {
        "dataset": stage.dataset.dataset_id,
        "classifier": stage.classifier.asset_id,
        "adapter": stage.adapter.asset_id,
        "knowledge base": stage.knowledge_asset_id,
        "agent": stage.agent.asset_id,
    }
    for name, asset_id in ids.items():
        asset: Asset = wait_for(
            lambda asset_id=asset_id: client.assets.get(asset_id),  # type: ignore[misc]  # bound now
            lambda asset: all(version.proof.state != "pending" for version in asset.versions),
            timeout_s=CHAIN_TIMEOUT_S,
            what=f"the registration of the {name}",
        )
        proof = asset.versions[0].proof
        step.show(name, f"token {str(proof.token_id)[:12]}…, tx {proof.tx_hash}, block {proof.block_number}")
        registered = all(version.proof.state == "registered" for version in asset.versions)
        step.require(f"the {name} is on chain", registered, proof.failure or f"{len(asset.versions)} version(s)")
        verified = wait_for(
            lambda asset_id=asset_id: client.assets.verify(asset_id),  # type: ignore[misc]  # bound now
            lambda found: any(check.name.startswith("chain.") for check in found.checks),
            timeout_s=60,
            what=f"the registry's event of the {name}",
        )
        names = ", ".join(check.name for check in verified.checks)
        step.require(f"the {name}'s hashes agree with content and chain", verified.ok, names)


def _openai(stage: Stage, client: Client) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{stage.url}/v1", api_key=client.api_key, timeout=120, max_retries=0)


def _refused_chat(stage: Stage, buyer: Client) -> tuple[int, dict[str, object]]:
    try:
        _openai(stage, buyer).chat.completions.create(
            model=stage.agent.slug, messages=[{"role": "user", "content": QUESTION}]
        )
    except openai.APIStatusError as error:
        return error.status_code, error.body if isinstance(error.body, dict) else {}
    return 200, {}


def _second_purchase(stage: Stage, buyer: Client) -> str:
    try:
        buyer.marketplace.buy(stage.listing.id)
    except Conflict as error:
        return error.code
    return "sold twice"


def _use(stage: Stage, step: Step, buyer: Client) -> None:
    client = _openai(stage, buyer)
    answer = client.chat.completions.create(model=stage.agent.slug, messages=[{"role": "user", "content": QUESTION}])
    text = answer.choices[0].message.content or ""
    step.show("answer", text[:160].replace("\n", " "))
    step.show("tokens", answer.usage.total_tokens if answer.usage else 0)
    step.require("the buyer gets the right answer through OpenAI's client", FACT in text, f"{FACT} hours")
    chunks = list(
        client.chat.completions.create(
            model=stage.agent.slug,
            messages=[{"role": "user", "content": "When is the calibration certificate over?"}],
            stream=True,
        )
    )
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    step.show("streamed answer", f"{len(chunks)} chunks: {streamed[:120]!r}")
    step.require("the answer also streams", len(chunks) > 1 and bool(streamed.strip()))


def pay_out(stage: Stage, step: Step) -> None:
    """The sale is split along the provenance; everyone withdraws to a fresh wallet; ledger and chain agree."""
    [sale] = [sale for sale in stage.requester.marketplace.sales() if sale.id == stage.purchase.sale_id]
    _check_split(stage, step, sale)
    withdrawals = _withdraw_all(stage, step)
    _check_payments(stage, step, withdrawals)
    _check_books(stage, step)


def _check_split(stage: Stage, step: Step, sale: Sale) -> None:
    price, fee = sale.price.amount_minor, sale.fee.amount_minor
    step.show("sale", f"{sale.id}: {sale.price}, fee {sale.fee}, {len(sale.lines)} payments")
    step.require(
        "fee and payments sum to the price", fee + sum(line.amount.amount_minor for line in sale.lines) == price
    )
    exact = all(abs(line.amount.amount_minor - (price - fee) * Fraction(line.weight)) < 1 for line in sale.lines)
    step.require("every payment is within a cent of its exact share", exact)
    shares = stage.requester.assets.lineage(stage.agent.asset_id).shares
    total = sum(Fraction(share.numerator, share.denominator) for share in shares)
    step.require("the shares of the provenance sum to one", total == 1)
    told = 0
    for worker, organisation in zip(stage.workers, stage.people, strict=True):
        lines = [line for line in sale.lines if str(line.payee_id) == organisation]
        transfers = [
            transfer
            for transfer in worker.client.ledger.transfers(kind="earnings", currency="USD")
            if transfer.source["type"] == "marketplace.sale" and transfer.source["id"] == str(sale.id)
        ]
        due = sum(line.amount.amount_minor for line in lines)
        got = sum(int(transfer.amount["amount_minor"]) for transfer in transfers)
        reasons = all(transfer.source["detail"]["path"][-1] == str(stage.dataset.id) for transfer in transfers)
        told += due == got and reasons
    step.require("every annotator got its part and is told by which path", told == len(stage.workers), told)


def _withdraw_all(stage: Stage, step: Step) -> list[tuple[str, Client, Withdrawal]]:
    """Every annotator, and the requester, withdraw all they have to a wallet that is made for it."""
    made = []
    minimum = stage.requester.payouts.earnings().minimum.amount_minor
    people = [(f"annotator {worker.index}", worker.client) for worker in stage.workers]
    for name, client in [*people, ("requester", stage.requester)]:
        available = client.payouts.earnings().available.amount_minor
        if available < minimum:
            step.show(name, f"has {available} cents, below the minimum of {minimum}")
            continue
        address = client.account.set_wallet(str(Account.create().address))
        withdrawal = client.payouts.withdraw(available, idempotency_key=f"{stage.run}:{name}")
        step.require(f"{name} withdraws {withdrawal.amount}", withdrawal.address == address, address)
        made.append((name, client, withdrawal))
    return made


def _check_payments(stage: Stage, step: Step, withdrawals: list[tuple[str, Client, Withdrawal]]) -> None:
    on_chain = 0
    rounds = set()
    for name, client, asked in withdrawals:
        paid = client.payouts.wait_until_claimed(asked.id, timeout_s=CHAIN_TIMEOUT_S + 120)
        proof = client.payouts.proof(asked.id)
        rounds.add((paid.epoch, proof["root"]))
        step.show(f"{name} paid", f"{paid.amount} in tx {paid.tx_hash}, block {paid.block_number}")
        if stage.chain is not None:
            held = stage.chain.balance(proof["distributor"], asked.address)
            step.require(f"the chain says that {name} has it", held == paid.tokens.amount_raw, held)
            on_chain += stage.chain.paid(proof["distributor"], asked.address)
    step.show("payout rounds", [f"{number}: {root}" for number, root in sorted(rounds)])
    owed = sum(asked.amount.amount_minor for _, _, asked in withdrawals) * TOKEN_UNITS_PER_CENT
    if stage.chain is not None:
        step.require("claims on chain equal the ledger's payouts to the unit", on_chain == owed, on_chain)


def _check_books(stage: Stage, step: Step) -> None:
    found: Reconciliation = wait_for(
        stage.requester.payouts.reconciliation,
        lambda result: result.agrees,
        timeout_s=60,
        what="the agreement of ledger and chain",
    )
    step.show("reconciliation", f"paid out {found.ledger_paid_out_raw}, claimed {found.claimed_on_chain_raw}")
    step.require("ledger and chain agree to the unit", found.ledger_paid_out_raw == found.claimed_on_chain_raw)
    books = stage.requester.ledger.trial_balance()
    step.require("all accounts sum to 0 in every currency", not any(books.sums.values()), books.sums)
    wrong = books.accounts_that_differ_from_their_transfers
    step.require("every balance equals the sum of its transfers", not wrong, len(wrong))
