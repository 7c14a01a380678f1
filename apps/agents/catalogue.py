"""Agent templates: each a working agent with instruction, starters and an example document to try it on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from apps.agents.types import AnswerMode, Tone
from apps.core.errors import NotFound

EXAMPLES = Path(__file__).parent / "examples"


@dataclass(frozen=True)
class AgentTemplate:
    """A prefilled agent. `example` is the name of a document in `examples/`; `icon` one of the design system."""

    key: str
    title: str
    pitch: str
    icon: str
    name: str
    job: str
    instruction: str
    tone: Tone
    mode: AnswerMode
    starters: tuple[str, str, str]
    example: str
    needs_classifier: bool = False

    def example_bytes(self) -> bytes:
        """Content of the example document."""
        return (EXAMPLES / self.example).read_bytes()


TEMPLATES: tuple[AgentTemplate, ...] = (
    AgentTemplate(
        key="support-desk",
        title="Support desk",
        pitch="Answers customers from your help pages and says where it read it.",
        icon="chat",
        name="Support desk",
        job="Answer customers' questions about our products, orders and returns.",
        instruction="Answer the customer's question from the passages. Say what the customer should do next.",
        tone=Tone.FRIENDLY,
        mode=AnswerMode.GENERATE,
        starters=(
            "How long do I have to return an item?",
            "My parcel arrived damaged. What should I do?",
            "Which countries do you ship to?",
        ),
        example="support-desk.md",
    ),
    AgentTemplate(
        key="research-assistant",
        title="Research assistant",
        pitch="Finds the statement in your papers and notes, with the page it stands on.",
        icon="search",
        name="Research assistant",
        job="Answer questions about the collected papers and notes.",
        instruction="State what the passages report, with numbers and units as written. Do not go beyond them.",
        tone=Tone.PRECISE,
        mode=AnswerMode.GENERATE,
        starters=(
            "What did the trial measure?",
            "How large was the effect?",
            "What are the limits of the study?",
        ),
        example="research-assistant.md",
    ),
    AgentTemplate(
        key="message-triage",
        title="Message triage",
        pitch="Sorts each message with a classifier that you trained, and shows the rule that goes with its class.",
        icon="inbox",
        name="Message triage",
        job="Sort incoming messages and say what is done with each kind.",
        instruction="Say which class the message belongs to and what the handling rules ask for.",
        tone=Tone.PRECISE,
        mode=AnswerMode.LABEL,
        starters=(
            "Congratulations! You won a free cruise. Text WIN to 80082 to claim.",
            "Are we still meeting for lunch at one?",
            "URGENT: your account is suspended, confirm your card number now.",
        ),
        example="message-triage.md",
        needs_classifier=True,
    ),
    AgentTemplate(
        key="tutor",
        title="Tutor",
        pitch="Explains your course material patiently, one step at a time.",
        icon="book",
        name="Tutor",
        job="Explain the course material to learners.",
        instruction="Explain in simple words, one step at a time, using the passages.",
        tone=Tone.PATIENT,
        mode=AnswerMode.GENERATE,
        starters=(
            "What is photosynthesis?",
            "Why are leaves green?",
            "What does a plant need for photosynthesis?",
        ),
        example="tutor.md",
    ),
    AgentTemplate(
        key="contract-reader",
        title="Contract reader",
        pitch="Quotes the clause that answers, word for word. Nothing is paraphrased.",
        icon="document",
        name="Contract reader",
        job="Find the clause of the contract that answers a question.",
        instruction="Quote the clause that answers the question.",
        tone=Tone.FORMAL,
        mode=AnswerMode.QUOTE,
        starters=(
            "What is the notice period?",
            "When do invoices have to be paid?",
            "Who owns the results of the work?",
        ),
        example="contract-reader.md",
    ),
)

_BY_KEY = {template.key: template for template in TEMPLATES}


def template(key: str) -> AgentTemplate:
    """The template of that key.

    Raises:
        NotFound: there is none.
    """
    found = _BY_KEY.get(key)
    if found is None:
        known = ", ".join(_BY_KEY)
        raise NotFound("template_not_found", f"There is no agent template {key}. There are: {known}.", template=key)
    return found
