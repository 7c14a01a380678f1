"""What must hold when everything is settled. Every check names what is wrong; nothing to say means that it holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from django.core.management import get_commands

from apps.core.models import OutboxDelivery
from apps.core.tenant import all_tenants, tenant_scope
from apps.core.types import DeliveryState
from apps.ledger import selectors as ledger
from apps.ledger.models import Transfer
from apps.ledger.types import AccountKind
from apps.onchain.models import ChainEvent, ChainIntent, ChainTransaction, SignerLane
from apps.onchain.types import IN_FLIGHT, EventState, IntentState, TransactionState
from apps.payouts import selectors as payouts
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.reconciliation import reconcile
from apps.payouts.types import TOKEN, WithdrawalState
from chain_bridge import abi
from chain_bridge.deploy import load_contracts
from chain_bridge.gateway import Gateway
from chain_bridge.types import DeployedContract, RawLog
from sahara_platform.embedded import anvil
from tests.chaos.earners import Earner
from tests.chaos.outcome import Outcome
from tests.chaos.stage import Stage

REASON = "the chaos test reads every organisation's money"
SHOWN = 5


class Truth:
    """The chain as anvil itself tells it, and what the earners asked for."""

    def __init__(self, stage: Stage, earners: list[Earner], deposit: int = 0) -> None:
        self.stage = stage
        self.earners = earners
        self.gateway = Gateway(stage.node_url)
        contracts = load_contracts(stage.root / "addresses.json", anvil.CHAIN_ID)
        self.token, self.distributor = contracts["PayoutToken"], contracts["PayoutDistributor"]
        self.wanted = {earner.address: earner.wanted_raw for earner in earners}
        self.total = sum(self.wanted.values())
        self.deposit = deposit
        self.figures: dict[str, Any] = {}

    def holding(self, address: str) -> int:
        """Tokens of an address, in raw units."""
        return int(self.gateway.read(self.token, "balanceOf", [address])[0])

    def events(self, contract: DeployedContract, name: str) -> list[dict[str, Any]]:
        """Arguments of all events of a contract, in chain order."""
        logs: list[RawLog] = self.gateway.logs([contract.address], 0, self.gateway.head().number)
        decoded = (abi.decode_log(contract.abi, log) for log in logs)
        return [found[1] for found in decoded if found is not None and found[0] == name]


def deposit(stage: Stage) -> int:
    """What the distributor holds before the first payout: put there so that its storage slot is never empty."""
    truth = Truth(stage, [])
    return truth.holding(truth.distributor.address)


def check(stage: Stage, earners: list[Earner], held_before: int) -> Outcome:
    """Run every check."""
    truth, outcome = Truth(stage, earners, held_before), Outcome()
    for name, function in CHECKS.items():
        outcome.wrong[name] = list(function(truth))
    outcome.figures = truth.figures
    return outcome


def _asked(truth: Truth) -> Iterator[str]:
    for earner in truth.earners:
        with tenant_scope(earner.actor.organisation_id):
            found = Counter(payouts.withdrawals(earner.actor).values_list("amount_minor", "address", "state"))
        expected = Counter((amount, earner.address, WithdrawalState.CLAIMED.value) for amount in earner.wanted)
        if found != expected:
            yield f"{earner.address}: {dict(found)} instead of {dict(expected)}"


def _holdings(truth: Truth) -> Iterator[str]:
    held = {address: truth.holding(address) for address in truth.wanted}
    for address, wanted in truth.wanted.items():
        if held[address] != wanted:
            yield f"{address} holds {held[address]}, asked for {wanted}"
    truth.figures["raw token units in wallets"] = sum(held.values())
    left = truth.holding(truth.distributor.address)
    if left != truth.deposit:
        yield f"the distributor holds {left}, with all paid it is {truth.deposit}"


def _ledger_by_payee(truth: Truth) -> Iterator[str]:
    paid: dict[Any, int] = defaultdict(int)
    undone = 0
    with all_tenants(reason=REASON):
        between = Transfer.objects.filter(currency=TOKEN).values_list("debit_tenant_id", "credit_tenant_id", "amount")
        payable, chain = AccountKind.PAYABLE, AccountKind.CHAIN
        for tenant_id, _, amount in between.filter(debit_account__kind=payable, credit_account__kind=chain):
            paid[tenant_id] += amount
        # A claim that had counted and was reorganised away is undone by an opposite transfer.
        for _, tenant_id, amount in between.filter(debit_account__kind=chain, credit_account__kind=payable):
            paid[tenant_id] -= amount
            undone += 1
    for earner in truth.earners:
        if paid[earner.actor.organisation_id] != earner.wanted_raw:
            yield f"{earner.address}: {paid[earner.actor.organisation_id]} booked, asked for {earner.wanted_raw}"
    truth.figures["raw token units PAYABLE -> CHAIN"] = sum(paid.values())
    truth.figures["bookings undone after a deep reorganisation"] = undone
    for name, figure, expected in (
        ("withdrawals", sum(paid.values()), truth.total),
        ("account CHAIN", ledger.total(AccountKind.CHAIN, TOKEN), truth.total),
        ("account PAYABLE", ledger.total(AccountKind.PAYABLE, TOKEN), 0),
    ):
        if figure != expected:
            yield f"{name}: {figure} instead of {expected}"


def _claims(truth: Truth) -> Iterator[str]:
    """Nobody was paid twice: what a payee has had in all only grows, and each claim pays the difference."""
    so_far: dict[str, int] = defaultdict(int)
    claims = truth.events(truth.distributor, "Claimed")
    for claim in claims:
        payee, amount, cumulative = claim["payee"], int(claim["amount"]), int(claim["cumulativeAmount"])
        if amount <= 0 or so_far[payee] + amount != cumulative:
            yield f"{payee}: {amount} after {so_far[payee]} makes {cumulative}"
        so_far[payee] += amount
    for payee in so_far.keys() | truth.wanted.keys():
        if so_far[payee] != truth.wanted.get(payee, 0):
            yield f"{payee}: claimed {so_far[payee]}, asked for {truth.wanted.get(payee, 0)}"
    truth.figures["claims on chain"] = len(claims)
    states = Counter(ChainEvent.objects.filter(contract=truth.distributor.name).values_list("state", flat=True))
    truth.figures["events that had counted and went"] = states[EventState.ORPHANED]
    truth.figures["roots on chain"] = len(truth.events(truth.distributor, "RootPublished"))


def _nonces(truth: Truth) -> Iterator[str]:
    """Every nonce that was handed out has exactly one mined transaction, the one that the database says."""
    mined: dict[str, dict[int, str]] = defaultdict(dict)
    for number in range(truth.stage.node.head() + 1):
        for row in truth.stage.node.ask("eth_getBlockByNumber", hex(number), True)["transactions"]:
            mined[row["from"].lower()][int(row["nonce"], 16)] = row["hash"]
    for lane in SignerLane.objects.all():
        on_chain = mined[lane.address.lower()]
        # What reverted and was reorganised away is given up, and an empty transaction uses its nonce.
        rows = ChainTransaction.objects.filter(lane=lane).exclude(state=TransactionState.LOST).order_by("nonce")
        handed_out = {row.nonce: row for row in rows}
        first = min(handed_out, default=lane.next_nonce)
        if sorted(handed_out) != list(range(first, lane.next_nonce)):
            yield f"{lane.address}: the nonces {first} to {lane.next_nonce - 1} have gaps here"
        if sorted(on_chain) != list(range(lane.next_nonce)):
            yield f"{lane.address}: {len(on_chain)} mined transactions, next nonce {lane.next_nonce}"
        for nonce, row in handed_out.items():
            if row.state not in (TransactionState.CONFIRMED, TransactionState.REVERTED):
                yield f"{lane.address} nonce {nonce} is {row.state}"
            elif on_chain.get(nonce) != row.tx_hash:
                yield f"{lane.address} nonce {nonce}: {row.tx_hash} here, {on_chain.get(nonce)} on the chain"
    states = ChainTransaction.objects.values_list("state", flat=True)
    truth.figures["transactions"] = dict(Counter(states))


def _intents(truth: Truth) -> Iterator[str]:
    with all_tenants(reason=REASON):
        found = Counter(ChainIntent.objects.values_list("kind", "state"))
    truth.figures["intents"] = {f"{kind} {state}": count for (kind, state), count in sorted(found.items())}
    for (kind, state), count in found.items():
        if state in (IntentState.QUEUED, IntentState.SENT):
            yield f"{count} of {kind} are {state}"


def _outbox(_: Truth) -> Iterator[str]:
    with all_tenants(reason=REASON):
        rows = OutboxDelivery.objects.exclude(state=DeliveryState.DONE)
        for row in rows.select_related("event"):
            yield f"{row.event.type} for {row.handler} is {row.state}: {row.last_error[-200:]}"


def _books(_: Truth) -> Iterator[str]:
    yield from (f"{currency} is off by {total}" for currency, total in ledger.trial_balance().items() if total)
    yield from (f"account {row[0]}: stored {row[1]}, replayed {row[2]}" for row in ledger.replay_differences())


def _reconciled(_: Truth) -> Iterator[str]:
    for difference in reconcile().differences:
        yield f"{difference.what}: {difference.expected} and {difference.found}"


def _command(name: str, *, signer: bool = False) -> Callable[[Truth], Iterator[str]]:
    def run(truth: Truth) -> Iterator[str]:
        if name not in get_commands():
            truth.figures[f"manage.py {name}"] = "not there"
            return
        done = truth.stage.ground.manage(name, "--skip-checks", **(truth.stage.direct if signer else {}))
        if done.returncode != 0:
            yield (done.stdout + done.stderr)[-1000:]

    return run


def unsettled() -> str:
    """What is still on its way, in a few words; empty when everything is settled."""
    with all_tenants(reason=REASON):
        waiting = {
            "withdrawals": Withdrawal.objects.exclude(state=WithdrawalState.CLAIMED).count(),
            "intents": ChainIntent.objects.filter(state__in=(IntentState.QUEUED, IntentState.SENT)).count(),
            "deliveries": OutboxDelivery.objects.filter(state=DeliveryState.PENDING).count(),
            "transactions": ChainTransaction.objects.filter(
                state__in=(TransactionState.SENT, TransactionState.MINED)
            ).count(),
        }
    return ", ".join(f"{count} {name}" for name, count in waiting.items() if count)


def why_unsettled(stage: Stage) -> Iterator[str]:
    """What a run that does not settle is stuck on: states with their reasons, and what the node knows of it."""
    for lane in SignerLane.objects.all():
        counts = [
            int(stage.node.ask("eth_getTransactionCount", lane.address, tag), 16) for tag in ("latest", "pending")
        ]
        yield f"{lane}: {counts[0]} mined, {counts[1]} with those that wait, at block {stage.node.head()}"
    for row in ChainTransaction.objects.filter(state__in=IN_FLIGHT).order_by("nonce")[:SHOWN]:
        for attempt in row.attempts.order_by("number"):
            receipt = stage.node.ask("eth_getTransactionReceipt", attempt.tx_hash) or {}
            known = stage.node.ask("eth_getTransactionByHash", attempt.tx_hash) or {}
            yield (
                f"{row} attempt {attempt.number} {attempt.tx_hash}: receipt in {receipt.get('blockNumber')}, known "
                f"{bool(known)} in {known.get('blockNumber')}"
            )
    with all_tenants(reason=REASON):
        for counted in (
            Counter(Withdrawal.objects.values_list("state", "claim_problem")),
            Counter(Epoch.objects.values_list("state", "reason")),
            Counter(ChainIntent.objects.values_list("kind", "state", "reason")),
            Counter(ChainTransaction.objects.values_list("lane__address", "state")),
            Counter(OutboxDelivery.objects.values_list("handler", "state", "last_error")),
        ):
            for values, count in sorted(counted.items(), key=str):
                yield f"{count} x {' | '.join(str(value)[-300:] for value in values)}"


CHECKS: dict[str, Callable[[Truth], Iterator[str]]] = {
    "every withdrawal was made once and is claimed": _asked,
    "every wallet holds what was asked for, to the unit": _holdings,
    "the ledger has paid out the same, payee by payee": _ledger_by_payee,
    "no payee was paid twice": _claims,
    "no nonce is missing, used twice or lost": _nonces,
    "no intent is unfinished": _intents,
    "the outbox is empty": _outbox,
    "the books balance and replay": _books,
    "payouts reconcile": _reconciled,
    "manage.py reconcile_chain": _command("reconcile_chain", signer=True),
    "manage.py verify_ledger": _command("verify_ledger"),
}
