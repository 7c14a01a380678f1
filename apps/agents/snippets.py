"""How to call a published agent, as lines to copy."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

_CURL = """curl {url}/v1/chat/completions \\
  -H "Authorization: Bearer $SAHARA_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "{slug}", "messages": [{{"role": "user", "content": "{question}"}}]}}'"""

_PYTHON = """from openai import OpenAI

client = OpenAI(base_url="{url}/v1", api_key="sk_…")
answer = client.chat.completions.create(
    model="{slug}",
    messages=[{{"role": "user", "content": "{question}"}}],
)
print(answer.choices[0].message.content)"""

_SDK = """from sahara import Client

with Client("{url}", "sk_…") as client:
    print(client.agents.chat("{slug}", "{question}").text)"""


@dataclass(frozen=True)
class Snippet:
    """Something to copy, and what it is."""

    label: str
    text: str


def snippets(slug: str, starters: tuple[str, ...]) -> tuple[Snippet, ...]:
    """What callers need of an agent, the commonest first."""
    question = (starters[0] if starters else "Hello").replace('"', "").replace("'", "")
    facts = {"url": settings.PUBLIC_URL, "slug": slug, "question": question}
    return (
        Snippet("curl", _CURL.format(**facts)),
        Snippet("Python (openai)", _PYTHON.format(**facts)),
        Snippet("Python (sahara)", _SDK.format(**facts)),
        Snippet("A2A: address of the agent, its card is below it", f"{settings.PUBLIC_URL}/a/{slug}"),
        Snippet("MCP: streamable HTTP, with the key as bearer token", f"{settings.PUBLIC_URL}/a/{slug}/mcp"),
    )
