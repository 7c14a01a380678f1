"""What a requester must say about where items come from: licence, source, consent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apps.core.errors import FieldProblem, InvalidInput
from apps.labeling.import_types import MAX_STATEMENT

#: The requester's own words in `licence_text` instead of an SPDX licence.
OWN_LICENCE = "own"
#: Each row names its licence in a column `licence`.
BY_ROW = "by-row"
MAX_LICENCE = 100


@dataclass(frozen=True)
class Rights:
    """Where items come from and why they may be used.

    Attributes:
        licence: an SPDX expression, or `OWN_LICENCE`, or `BY_ROW`.
        licence_text: the own licence in words.
        source: where the items come from.
        consent: whether the people in the items agreed.
        consent_text: how they agreed, or why nobody has to.
    """

    licence: str
    licence_text: str
    source: str
    consent: bool
    consent_text: str


def check_rights(
    *, licence: str, licence_text: str = "", source: str, consent: bool | None, consent_text: str
) -> Rights:
    """The statements, cleaned. Raises InvalidInput `unlicensed_import`, naming each that is missing and why."""
    problems: list[FieldProblem] = []
    licence, licence_text = licence.strip(), licence_text.strip()
    source, consent_text = source.strip(), consent_text.strip()
    if licence.lower() in (OWN_LICENCE, BY_ROW):
        licence = licence.lower()
    elif (normal := spdx(licence)) is not None:
        licence = normal
    else:
        problems.append({"field": "licence", "message": _licence_problem(licence)})
    statements = (
        ("licence_text", licence_text, licence == OWN_LICENCE, "Say in your own words why the items may be used."),
        ("source", source, True, "Say where the items come from: a website, a product, a survey, a person."),
        (
            "consent_text",
            consent_text,
            True,
            "Say how the people in the items agreed, or why nobody has to (for example: they hold no personal data).",
        ),
    )
    for field, text, needed, message in statements:
        if (needed and not text) or len(text) > MAX_STATEMENT or "\x00" in text:
            problems.append({"field": field, "message": f"{message} At most {MAX_STATEMENT:,} characters."})
    if consent is None:
        problems.append({"field": "consent", "message": "Say whether the people in the items agreed: yes or no."})
    if problems:
        raise InvalidInput(
            "unlicensed_import",
            "Nothing was imported: items need a licence, their source and a word on consent. "
            + " ".join(problem["message"] for problem in problems[:2]),
            errors=problems,
        )
    return Rights(licence, licence_text, source, bool(consent), consent_text)


def _licence_problem(licence: str) -> str:
    if not licence:
        return "Name the items' licence, for example CC-BY-4.0, or “own” with your own words."
    shown = licence[:MAX_LICENCE]
    return f"“{shown}” is no SPDX licence. Use an id such as CC0-1.0 or CC-BY-4.0, or “own” with your own words."


def spdx(expression: str) -> str | None:
    """A licence expression as SPDX writes it, or None where it is none, or none that permits anything."""
    text = expression.strip()
    if not text or len(text) > MAX_LICENCE or text.upper() in ("NONE", "NOASSERTION"):
        return None
    return _spdx(text)


@lru_cache(maxsize=1024)
def _spdx(text: str) -> str | None:
    # Imported here: the list takes a moment to load.
    from license_expression import ExpressionError, get_spdx_licensing

    try:
        found: Any = get_spdx_licensing().validate(text)
    except ExpressionError:
        return None
    return None if found.errors else str(found.normalized_expression)
