"""The examples of the guide, run as they stand there, in processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from apps.agents.types import AgentInfo
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "guides" / "agents-api.md").read_text()
EXAMPLES = [(kind, text) for kind, text in re.findall(r"```(bash|python)\n(.*?)```", GUIDE, re.DOTALL)]
TIMEOUT_S = 120


def test_the_guide_has_an_example_for_each_client() -> None:
    everything = "".join(text for _, text in EXAMPLES)
    for client in ("curl", "chat.completions", "responses.create", "a2a.client", "mcp.client", "from sahara"):
        assert client in everything


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_an_example_of_the_guide_gets_the_answer(
    actor: Actor, published: AgentInfo, asgi_url: str, key_of: Any, settings: Any, kind: str, text: str
) -> None:
    settings.PUBLIC_URL = asgi_url  # what the agent's card says
    environment = os.environ | {
        "SAHARA_URL": asgi_url,
        "SAHARA_API_KEY": key_of(actor),
        "SAHARA_AGENT": published.slug,
        "PYTHONPATH": str(ROOT / "sdk"),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    command = ["bash", "-c", text] if kind == "bash" else [sys.executable, "-W", "ignore", "-c", text]
    done = subprocess.run(  # our own guide
        command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "three months" in done.stdout
