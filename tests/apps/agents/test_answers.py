"""Prompts stay short, citations hold, and nothing a model writes can load or leak."""

from __future__ import annotations

from uuid import UUID

import pytest

from apps.agents.citations import cite
from apps.agents.errors import PromptTooLong
from apps.agents.prompting import PASSAGE_BUDGET_TOKENS, check_question, instructions, recent, user_prompt
from apps.agents.rendering import to_html
from apps.agents.types import AgentConfig, Label, Source, Tone, Turn
from apps.knowledge.chunking import estimate_tokens

_ID = UUID(int=1)


def source(number: int, text: str, quote: str = "") -> Source:
    return Source(number, "a.md", _ID, _ID, _ID, 0, None, "", 0, len(text), text, quote, 0.7)


RETURNS = source(1, "You have 30 days to return an item. Returning is free.", "You have 30 days to return an item.")
SHIPPING = source(2, "We ship to Norway in six days.", "We ship to Norway in six days.")


def test_a_true_citation_is_kept() -> None:
    cited = cite("We ship to Norway [2].", [RETURNS, SHIPPING])
    assert (cited.text, cited.used, cited.is_supported) == ("We ship to Norway. [2]", (2,), True)


def test_an_invented_number_is_dropped() -> None:
    assert "[7]" not in cite("You have 30 days to return an item [7].", [RETURNS]).text


def test_a_citation_of_the_wrong_passage_is_corrected() -> None:
    assert cite("You have 30 days to return an item [2].", [RETURNS, SHIPPING]).used == (1,)


def test_an_uncited_sentence_gets_the_passage_that_carries_it() -> None:
    assert cite("Returning is free.", [RETURNS]).text == "Returning is free. [1]"


def test_words_that_no_passage_carries_are_unsupported() -> None:
    assert not cite("The president lives on the moon [1].", [RETURNS]).is_supported


@pytest.mark.parametrize("said", ["You have 3 days to return an item [1].", "Twelve days.", "You have 130 days [1]."])
def test_a_number_that_no_passage_holds_is_marked(said: str) -> None:
    cited = cite(said, [RETURNS, SHIPPING], "mark")
    assert cited.text.endswith("*(not in the documents)*")
    assert not cited.is_supported


@pytest.mark.parametrize("said", ["We ship to Norway in 6 days.", "2. We ship to Norway in six days."])
def test_a_number_counts_however_it_is_written(said: str) -> None:
    assert cite(said, [RETURNS, SHIPPING], "mark").used == (2,)


def test_the_prompt_keeps_within_its_budget() -> None:
    long = source(1, "This sentence fills the passage with words. " * 100, "")
    prompt = user_prompt("Why?", [long, source(2, "Short one here."), source(3, "x " * 900)], Label("spam", 0.9))
    assert estimate_tokens(prompt) < PASSAGE_BUDGET_TOKENS + 80
    assert "[1] This sentence" in prompt
    assert "spam (90% sure)" in prompt


def test_the_quoted_sentence_is_what_goes_into_the_prompt() -> None:
    text = "Noise first. " * 60 + "The deposit is two months of rent. " + "Noise after. " * 60
    assert "The deposit is two months of rent." in user_prompt(
        "?", [source(1, text, "The deposit is two months of rent.")], None
    )


def test_a_question_longer_than_the_context_is_refused() -> None:
    check_question("word " * 500)
    with pytest.raises(PromptTooLong) as caught:
        check_question("word " * 5000)
    assert caught.value.context["tokens"] == 5000


def test_history_begins_with_a_question_and_fits() -> None:
    turns = [Turn("user", "a " * 200), Turn("assistant", "b"), Turn("user", "c"), Turn("assistant", "d")]
    assert [turn.text for turn in recent(turns)] == ["c", "d"]


def test_the_instruction_carries_name_job_and_tone() -> None:
    text = instructions(AgentConfig("Ana", "Helps.", "Answer.", Tone.FORMAL))
    assert text == "You are Ana. Helps. Answer. Be formal and brief."


@pytest.mark.parametrize(
    "attack",
    [
        "![x](http://evil.example/leak.png)",
        "<img src=http://evil.example/leak>",
        "[click](http://evil.example/?q=secret)",
        "<script>alert(1)</script>",
        "<http://evil.example>",
        '<a href="javascript:alert(1)">x</a>',
        "![x][1]\n\n[1]: http://evil.example/leak.png",
        "<iframe src=//evil.example></iframe>",
        "<p onclick=alert(1)>x</p>",
    ],
)
def test_nothing_that_loads_or_links_is_rendered(attack: str) -> None:
    html = to_html(f"Hello {attack}", source_prefix="s-", sources=1)
    for forbidden in ("<img", "<script", "<iframe", '<a href="http', '<a href="j', "<p onclick"):
        assert forbidden not in html


def test_citations_link_to_sources_that_are_there() -> None:
    html = to_html("Yes **so** [1] and [5].", source_prefix="s-", sources=2)
    assert '<a class="link" href="#s-1" aria-label="Source 1">[1]</a>' in html
    assert "[5]" in html
    assert "#s-5" not in html
    assert "<strong>so</strong>" in html
