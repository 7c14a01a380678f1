"""Where sentences begin and end, in scripts with and without capital letters or spaces.

A sentence is what can be quoted alone. Full stops of many scripts count; a point does not where it ends an
abbreviation or an initial, or where the text goes on in small letters.
"""

from __future__ import annotations

import re

# They end a sentence wherever they stand: Chinese, Japanese, Devanagari, Urdu, Armenian, Ethiopic, Khmer, Burmese.
_FULL_STOPS = "\u3002\uff01\uff1f\uff61\u0964\u0965\u06d4\u0589\u1362\u1367\u17d4\u17d5\u104b"
# Points that may also stand inside a sentence, so that what follows decides. The last is the Arabic question mark.
_POINTS = ".!?\u2026\u061f"
_CLOSING = "\"'\u201d\u2019\u00bb\u203a)\\]\u300d\u300f\u3011\uff09\u300b"
_OPENING = "\"'\u201c\u2018\u00ab\u2039\u201e([\u300c\u300e\u3010\uff08\u300a\u00bf\u00a1*_#-"
_END = re.compile(
    rf"[{_FULL_STOPS}][{_FULL_STOPS}{_POINTS}]*[{_CLOSING}]*\s*"
    rf"|(?<![{_POINTS}])[{_POINTS}]+[{_CLOSING}]*\s+"
    r"|\n[^\S\n]*\n\s*"  # a blank line
    r"|\n[^\S\n]*(?=(?:[-*\u2022\u2013\u25cf\u25aa]|\d{1,2}[.)])[^\S\n])"  # the next item of a list
)
_QUOTES = "\"'\u201d\u2019\u00bb\u203a)]"
_LOOK = 40
"""Characters before and behind a point that decide what it is."""
_LAST_WORD = re.compile(r"(\S+?)[.\u2026]+$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_PARTS = re.compile(r"\S+")
_ABBREVIATIONS = frozenset(
    _PARTS.findall(
        "mr mrs ms dr prof st sr jr no nos art fig figs eq eqs vs etc cf inc ltd co corp dept est approx al ed eds vol"
        " pp p ch sec gen col lt sgt capt maj rev hon gov sen rep pres jan feb mar apr jun jul aug sep sept oct nov dec"
        " mt ft"
        # German, French, Spanish, Italian, Portuguese, Dutch
        " bzw ca d.h z.b u.a usw nr str abs bd hrsg sog vgl evtl ggf inkl zzgl mio mrd m mme mlle av env ex sra"
        " srta ud uds num tel pag sig dott ing dra blz bijv"
        # Russian and Ukrainian
        " \u0433 \u0433\u0433 \u0432 \u0432\u0432 \u0440 \u0440\u0443\u0431 \u0442\u044b\u0441 \u043c\u043b\u043d"
        " \u043c\u043b\u0440\u0434 \u0442 \u0442.\u0435 \u0442.\u0434 \u0442.\u043f \u0438\u043c \u0441\u0442\u0440"
        " \u0440\u0438\u0441 \u0443\u043b \u0441\u043c \u0434\u0440 e.g i.e"
    )
)
#: With these the next sentence begins even behind an abbreviation in capitals ("the U.S. The").
_STARTERS = frozenset(
    _PARTS.findall(
        "The A An In On At He She It They We This That These Those But However When While After Before If As"
    )
)
_FIRST_WORD = re.compile(r"\w+")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of every sentence in `text`, in its order and without surrounding white space."""
    spans: list[tuple[int, int]] = []
    start = 0
    for end in _END.finditer(text):
        if _is_end(text, start, end):
            _append_stripped(spans, text, start, end.end())
            start = end.end()
    _append_stripped(spans, text, start, len(text))
    return spans


def _is_end(text: str, start: int, end: re.Match[str]) -> bool:
    mark = end[0].strip()
    if not mark or mark[0] in _FULL_STOPS:
        return True
    follows = text[end.end() : end.end() + _LOOK].lstrip(_OPENING)
    if follows and follows[0].islower():
        return False
    if mark[0] in "!?\u061f":
        return True
    point = end.start() + len(mark)
    return not _is_abbreviated(text[max(start, point - _LOOK) : point].rstrip(_QUOTES), follows)


def _is_abbreviated(before: str, follows: str) -> bool:
    """Whether the point at the end of `before` belongs to its last word."""
    found = _LAST_WORD.search(before)
    if found is None:
        return False
    word = found[1].lstrip(_OPENING)
    if _INITIALS.fullmatch(word):
        first = _FIRST_WORD.match(follows)
        return not (len(word) > 1 and first is not None and first[0] in _STARTERS)
    return word.lower() in _ABBREVIATIONS


def _append_stripped(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))
