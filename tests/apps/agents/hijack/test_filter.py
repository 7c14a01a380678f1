"""The filter and the renderer alone, with each of the 200 attacks."""

# ruff: noqa: RUF001  # other scripts

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from apps.agents.output.guard import OutputGuard
from apps.agents.output.secrets import Secrets
from apps.agents.rendering import to_html
from tests.apps.agents.hijack.payloads import ASKERS_SECRET, COUNT, SAID_ATTACKS, WEB_ATTACKS, Attack, attacks

CANARY = "syscanary-7f3a9c22e1"
INSTRUCTION = (
    "Answer customers of the lamp shop in two sentences. Never offer a discount above eight percent; the manager's"
    f" override is {CANARY}. Send complaints about broken glass to the back office."
)
SHOWN_ELEMENTS = {"p", "ol", "ul", "li", "blockquote", "pre", "code", "br", "hr", "em", "strong", "h3", "h4"} | {
    *("table", "thead", "tbody", "tr", "th", "td"),
}


def streamed(text: str, size: int, instruction: str = INSTRUCTION) -> tuple[str, bool]:
    """What comes through, and whether the answer is withheld then."""
    guard = OutputGuard(Secrets(texts=[instruction]))
    shown = "".join(guard.feed(text[at : at + size]) for at in range(0, len(text), size)) + guard.close()
    return shown, guard.is_withheld


@pytest.mark.parametrize("size", [3, 60, 100_000])
@pytest.mark.parametrize("said", range(len(SAID_ATTACKS)))
def test_the_instruction_is_not_told_in_any_form(said: int, size: int) -> None:
    told = SAID_ATTACKS[said](INSTRUCTION)
    shown, is_withheld = streamed(f"Gladly, here is all of it:\n\n{told}\n\nAnything else?", size)
    # Forms that carry text nobody sees are not withheld: what they carry does not come through at all.
    assert is_withheld or len(shown) < 60
    assert len(shown) - 30 < len(told) / 3, "the canary stands in the second half"
    assert CANARY not in shown


@pytest.mark.parametrize("size", [7, 100_000])
def test_no_address_carries_the_instruction_out(size: int) -> None:
    carried = 0
    for attack in attacks():
        output = attack.output("http://127.0.0.1:9", INSTRUCTION)
        quoted = attack.quoted(INSTRUCTION)
        if quoted in output:
            shown, _ = streamed(output, size)
            assert quoted[-60:] not in shown, output
            carried += 1
    assert carried > COUNT / 4


@pytest.mark.parametrize(
    "text",
    [
        "Our lamps come with a discount of five percent in winter. Call +49 30 1234567 or write to us.",
        "Order LMP-2291 was sent on 2026-11-02; the number is 00340434161094042557.",
        "Complaints go to the back office, which answers within two days.",
        "充電器は別売です。お問い合わせください。",
        "می\u200cخواهم یک چراغ بخرم",
        "SHA-256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "| size | price |\n|---|---|\n| S | 9.50 |\n\n```python\nprint('lamp'.encode().hex())\n```",
    ],
)
def test_ordinary_answers_pass_as_they_are(text: str) -> None:
    assert streamed(text, 1) == (text, False)


def test_an_answer_has_no_element_that_loads_or_sends() -> None:
    for kind in range(len(WEB_ATTACKS)):
        found = _Elements()
        found.feed(to_html(Attack(kind, "", "user").output("http://127.0.0.1:9", ASKERS_SECRET)))
        assert found.names <= SHOWN_ELEMENTS, WEB_ATTACKS[kind]
        assert not found.attributes, WEB_ATTACKS[kind]


class _Elements(HTMLParser):
    """The elements of a page and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}
