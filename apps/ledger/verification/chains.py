"""Walking every account's chain from its first transfer to its head, each transfer once from either side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from uuid import UUID

from apps.ledger.digests import account_digest, transfer_digest
from apps.ledger.verification.report import Finding, Tally

Row = dict[str, Any]

ACCOUNTS = """
    SELECT account.*, coalesce(holds.open, 0)::bigint AS open
    FROM ledger_account account
    LEFT JOIN (
        SELECT account_id, sum(amount - captured - released) AS open FROM ledger_hold GROUP BY account_id
    ) holds ON holds.account_id = account.id
    ORDER BY account.id
"""
_SIDE = """
    SELECT {side}_account_id AS account_id, {side}_sequence AS sequence, '{side}' AS side, id, debit_account_id,
        credit_account_id, debit_tenant_id, credit_tenant_id, amount, currency, idempotency_key, reason, source_type,
        source_id, detail::text AS detail, hold_id, created_at, debit_sequence, credit_sequence, debit_balance,
        credit_balance, debit_previous, credit_previous, digest
    FROM ledger_transfer
"""
SIDES = f"{_SIDE.format(side='debit')} UNION ALL {_SIDE.format(side='credit')} ORDER BY account_id, sequence, id"


@dataclass(slots=True)
class _Walk:
    """Where a walk along one chain is; `last` is the transfer before, with what its content gives now.

    `balances` are the balances that the chain can be at: after an altered row, the one it says and the one it makes.
    """

    account: Row
    genesis: bytes
    sequence: int = 0
    balances: list[int] = field(default_factory=lambda: [0])
    last: Row | None = None
    recomputed: bytes = b""
    wrong: list[str] = field(default_factory=list)


def walk_chains(accounts: Iterator[Row], sides: Iterator[Row], tally: Tally) -> Iterator[Finding]:
    """Compare every account with its transfers, both ordered by the account's id."""
    chains = groupby(sides, key=lambda row: row["account_id"])
    waiting = next(chains, None)
    for account in accounts:
        while waiting is not None and waiting[0] < account["id"]:
            yield from _orphans(waiting[0], waiting[1])
            waiting = next(chains, None)
        rows: Iterator[Row] = iter(())
        if waiting is not None and waiting[0] == account["id"]:
            rows = waiting[1]
        yield from _walk(account, rows, tally)
        if waiting is not None and waiting[0] == account["id"]:
            waiting = next(chains, None)
    while waiting is not None:
        yield from _orphans(waiting[0], waiting[1])
        waiting = next(chains, None)


def _orphans(account_id: UUID, rows: Iterator[Row]) -> Iterator[Finding]:
    for row in rows:
        yield Finding("transfer", str(row["id"]), "content", f"its account {account_id} does not exist")


def _walk(account: Row, rows: Iterator[Row], tally: Tally) -> Iterator[Finding]:
    tally.accounts += 1
    walk = _Walk(account, account_digest(account))
    for row in rows:
        if row["side"] == "debit":
            tally.seen()
        yield from _step(walk, row)
    yield from _end(walk)
    tally.sums[account["currency"]] = tally.sums.get(account["currency"], 0) + walk.balances[0]


def _step(walk: _Walk, row: Row) -> Iterator[Finding]:
    """One transfer: what it follows (which tells of the one before), its number, its balance, its own digest."""
    side = row["side"]
    recomputed = transfer_digest(row)
    is_sound = recomputed == bytes(row["digest"])
    is_next = row["sequence"] == walk.sequence + 1
    yield from _judge_last(walk, bytes(row[f"{side}_previous"]), witness_is_sound=is_sound and is_next)
    wrong = []
    if not is_next:
        wrong.append("sequence")
        yield _missing(walk, row["sequence"])
    change, says = -row["amount"] if side == "debit" else row["amount"], row[f"{side}_balance"]
    made = [balance + change for balance in walk.balances]
    if is_next and says not in made:
        wrong.append("amount or balance")
    if (row[f"{side}_tenant_id"], row["currency"]) != (walk.account["tenant_id"], walk.account["currency"]):
        wrong.append("organisation or currency")
    if is_sound and is_next and wrong:
        yield _transfer(row, ", ".join(wrong), "it does not agree with its account")
    walk.sequence, walk.last, walk.recomputed, walk.wrong = row["sequence"], row, recomputed, wrong
    walk.balances = [says] if says in made else [says, *made]


def _missing(walk: _Walk, found: int) -> Finding:
    expected = walk.sequence + 1
    if found > expected:
        numbers = str(expected) if found == expected + 1 else f"{expected} to {found - 1}"
        message = f"its transfer number {numbers} is missing"
    else:
        message = f"it has more than one transfer number {found}"
    return Finding("account", str(walk.account["id"]), "sequence", message)


def _judge_last(walk: _Walk, witness: bytes, *, witness_is_sound: bool) -> Iterator[Finding]:
    """Hold the transfer before (or the account's name) against the digest that what comes after it has of it."""
    if walk.last is None:
        if witness_is_sound and witness != walk.genesis:
            message = f"its chain begins with {_short(witness)}, its name gives {_short(walk.genesis)}"
            yield Finding("account", str(walk.account["id"]), "name", message)
        return
    stored = bytes(walk.last["digest"])
    if stored == walk.recomputed:
        if witness_is_sound and witness != stored:
            message = f"it was rewritten with its digest: the transfer after it follows {_short(witness)}"
            yield _transfer(walk.last, "content and digest", message)
        return
    if walk.last["side"] == "credit" and not walk.wrong:
        return  # told from the debited side
    if witness == walk.recomputed:
        group = "digest"
    else:
        group = "content" if not walk.wrong else f"content ({', '.join(walk.wrong)})"
    message = f"its digest is {_short(stored)}, its content gives {_short(walk.recomputed)}"
    yield _transfer(walk.last, group, message)


def _short(digest: bytes) -> str:
    return f"{digest.hex()[:16]}…"


def _transfer(row: Row, fields: str, message: str) -> Finding:
    return Finding("transfer", str(row["id"]), fields, f"{message} (account {row['account_id']}, {row['side']} side)")


def _end(walk: _Walk) -> Iterator[Finding]:
    """The account's own figures against the end of its chain."""
    account, row_id = walk.account, str(walk.account["id"])
    head = bytes(account["head"])
    yield from _judge_last(walk, head, witness_is_sound=False)
    if account["sequence"] != walk.sequence:
        message = f"it counts {account['sequence']} transfers, the last one is number {walk.sequence}"
        yield Finding("account", row_id, "sequence", message)
    if account["posted"] not in walk.balances:
        message = f"its balance is {account['posted']}, its transfers make {walk.balances[0]}"
        yield Finding("account", row_id, "balance", message)
    if account["held"] != account["open"]:
        message = f"{account['held']} is held, its holds have {account['open']} open"
        yield Finding("account", row_id, "held", message)
    ends = {walk.genesis} if walk.last is None else {bytes(walk.last["digest"]), walk.recomputed}
    if head not in ends:
        end = "its name" if walk.last is None else f"transfer {walk.last['id']}"
        yield Finding("account", row_id, "head", f"its head is {_short(head)}, which {end} does not give")
