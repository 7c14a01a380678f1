"""The seven steps in order, and what they hand on to each other."""

from __future__ import annotations

from examples.golden_path import making, trading
from examples.golden_path.chain import Chain
from examples.golden_path.report import Report
from examples.golden_path.stage import Stage
from examples.golden_path.texts import Texts


def tell(report: Report, url: str, texts: Texts, *, run: str, seed: int, rpc_url: str | None) -> None:
    """Run all steps; the first that cannot be done ends the story with its error."""
    stage = Stage(url=url, run=run, seed=seed, texts=texts, chain=Chain(rpc_url) if rpc_url else None)
    for title, play in (
        ("Top up and order labels", making.order_labels),
        ("Label: twelve annotators answer through the API", making.label),
        ("Dataset version with card, root and contributors", making.check_dataset),
        ("Train a classifier and a LoRA adapter", making.train),
        ("Knowledge base, agent, test chat, publish", making.build_agent),
        ("On chain, listed, bought and used", trading.sell),
        ("Split the revenue and withdraw on chain", trading.pay_out),
    ):
        with report.step(title) as step:
            play(stage, step)
