"""What kind of thing a question asks for, and whether a sentence holds such a thing that the question does not.

A cue, not a rule: it only adds to or takes from a sentence's score. Question words of other languages are known for the
most frequent of them; where none is found the kind is unknown and nothing is added.
"""

from __future__ import annotations

import re
from enum import StrEnum


class AnswerKind(StrEnum):
    """The kinds that leave a trace in the text of an answer."""

    NUMBER = "number"
    DATE = "date"
    PERSON = "person"
    PLACE = "place"
    REASON = "reason"


_KINDS = (
    (
        AnswerKind.NUMBER,
        (
            r"\bhow (?:many|much|long|old|far|tall|high|large|big|often|fast|heavy|deep|wide)\b"
            r"|\bwhat (?:percent|number|amount)"
            r"|\bcombien\b|\bwie ?viele?\b|\bcu[\u00e1a]nt[oa]s?\b|\u0441\u043a\u043e\u043b\u044c\u043a\u043e"
            r"|\u0643\u0645 |\u591a\u5c11|\u51e0|\u0915\u093f\u0924\u0928"
        ),
    ),
    (
        AnswerKind.DATE,
        (
            r"\bwhen\b|\b(?:what|which) (?:year|month|day|date|century|decade)\b|\bquand\b|\bwann\b|\bcu[\u00e1a]ndo\b"
            r"|\u043a\u043e\u0433\u0434\u0430|\u043a\u0430\u043a\u043e\u043c \u0433\u043e\u0434\u0443"
            r"|\u0645\u062a\u0649|\u4f55\u65f6|\u4ec0\u4e48\u65f6\u5019|\u54ea\u4e00\u5e74|\u0915\u092c"
        ),
    ),
    (
        AnswerKind.PERSON,
        (
            r"\bwho(?:m|se)?\b|\bwhich (?:person|player|actor|scientist)\b|\bqui\b|\bwer\b|\bqui[\u00e9e]n\b"
            r"|\b\u043a\u0442\u043e\b|\u8c01|\u54ea\u4f4d"
        ),
    ),
    (
        AnswerKind.PLACE,
        (
            r"\bwhere\b|\b(?:what|which) (?:city|country|state|place|town|region|location)\b|\bo\u00f9\b|\bwo\b"
            r"|\bd\u00f3nde\b|\u0433\u0434\u0435|\u0623\u064a\u0646|\u54ea\u91cc|\u5728\u54ea|\u0915\u0939\u093e\u0901"
        ),
    ),
    (
        AnswerKind.REASON,
        (
            r"\bwhy\b|\bpourquoi\b|\bwarum\b|\bpor qu\u00e9\b|\u043f\u043e\u0447\u0435\u043c\u0443"
            r"|\u0644\u0645\u0627\u0630\u0627"
            r"|\u4e3a\u4ec0\u4e48|\u0915\u094d\u092f\u094b\u0902"
        ),
    ),
)
_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
_NUMBER = re.compile(r"\d[\d.,]*")
_NUMBER_WORD = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundreds?|thousands?|millions?|billions?"
    r"|percent|half|third|quarter|first|second|twice|once|several)\b",
    re.IGNORECASE,
)
_MONTH = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\b", re.IGNORECASE
)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w'-]+")
_REASON = re.compile(
    r"\b(?:because|due to|since|in order to|so that|caused?|reason|result|to avoid|to prevent|therefore)\b",
    re.IGNORECASE,
)
_LATIN = re.compile(r"[A-Za-z]")


def kind_of(question: str) -> AnswerKind | None:
    """The kind that the question's words ask for, None where they do not tell."""
    plain = question.lower()
    return next((kind for kind, pattern in _PATTERNS if pattern.search(plain)), None)


def holds(kind: AnswerKind | None, sentence: str, question: str) -> int:
    """1 where the sentence holds something of that kind which the question does not, -1 where not, 0 unknown."""
    if kind is None or (kind is not AnswerKind.NUMBER and kind is not AnswerKind.DATE and not _LATIN.search(sentence)):
        return 0
    return 1 if _FOUND[kind](sentence, question) else -1


def names(text: str) -> list[str]:
    """Words that begin with a capital letter within a sentence (of scripts that have capitals)."""
    return _NAME.findall(text)


def numbers(text: str) -> list[str]:
    """Numbers as written."""
    return _NUMBER.findall(text)


def _has_number(sentence: str, question: str) -> bool:
    return any(number not in question for number in numbers(sentence)) or bool(_NUMBER_WORD.search(sentence))


def _has_date(sentence: str, question: str) -> bool:
    years = (number for number in numbers(sentence) if len(number) > 2)
    return any(year not in question for year in years) or bool(_MONTH.search(sentence))


def _has_name(sentence: str, question: str) -> bool:
    return any(name not in question for name in names(f" {sentence}"))


def _has_reason(sentence: str, question: str) -> bool:
    return bool(_REASON.search(sentence))


_FOUND = {
    AnswerKind.NUMBER: _has_number,
    AnswerKind.DATE: _has_date,
    AnswerKind.PERSON: _has_name,
    AnswerKind.PLACE: _has_name,
    AnswerKind.REASON: _has_reason,
}
