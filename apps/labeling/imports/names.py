"""Names of persons and postal addresses in texts, by lists of names and by the words around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module

_LOCALES = ("en_US", "en_GB", "en_IN", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pt_BR", "pl_PL", "sv_SE", "tr_TR")
_WORD = r"[A-ZÀ-ÖØ-ÞŁŚŻĆ][a-zß-öø-ÿąćęłńóśźżğışç]+(?:[-'\u2019][A-ZÀ-ÖØ-Þ]?[a-zß-öø-ÿ]+)?"
_MIDDLE = r"(?:[ ](?:[A-Z]\.|van|von|de|da|di|der|den|del|la)){0,2}"
_CAPITALISED = re.compile(rf"\b{_WORD}")
#: What may follow a first name: nothing, or a surname behind initials and particles.
_REST = re.compile(rf"{_MIDDLE}[ ]({_WORD})")

#: What the text just before a name ends with: after these stands a name, whatever it is.
_SURE_CUES = (
    *("mr", "mrs", "ms", "miss", "dr", "prof", "herr", "herrn", "frau", "monsieur", "madame", "mme", "sr", "sra"),
    *("señor", "señora", "signor", "signora", "my name is", "i am called", "mein name ist", "ich heiße", "me llamo"),
    *("mi nombre es", "mi chiamo", "je m'appelle", "name:", "nombre:", "customer:", "patient:"),
)
#: After these stands a name where the lists have it.
_WEAK_CUES = (
    *(
        "dear",
        "hi",
        "hello",
        "hey",
        "hallo",
        "liebe",
        "lieber",
        "cher",
        "chère",
        "hola",
        "ciao",
        "this is",
        "i'm",
        "i am",
    ),
    *("regards", "sincerely", "cheers", "thanks", "grüße", "ask for", "contact", "love"),
)
_LONGEST_CUE = 20
_STREET = re.compile(
    rf"\b\d{{1,5}}[a-z]?,?[ ](?:{_WORD}[ ]){{1,3}}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|"
    r"Court|Ct|Way|Place|Square|Terrace|Close)\b"
    r"|\b[A-ZÄÖÜ][a-zäöüß]+(?:[ -][A-ZÄÖÜ][a-zäöüß]+)?(?:straße|strasse|str\.|weg|platz|allee|gasse)[ ]\d{1,4}[a-z]?\b"
    rf"|\b\d{{1,4}},?[ ](?:rue|avenue|boulevard|place)[ ](?:(?:de|du|des|la|le)[ ])*{_WORD}(?:[ ]{_WORD})?"
    rf"|\b(?:Calle|Avenida|Via|Viale|Piazza)[ ](?:(?:de|del|della|la)[ ])*{_WORD}(?:[ ]{_WORD})?,?[ ]\d{{1,4}}\b"
)

#: First names that are also common words, months or places: they count only before a known surname.
_AMBIGUOUS_WORDS = """
will mark may june april august grace hope joy faith summer autumn dawn christian art bill rich frank rose ray dean
drew chase grant miles lane page paris london austin jordan chelsea sydney virginia georgia carolina dakota madison
brooklyn florence victoria san santa le la van de do my an in so to be al don mercedes angel sun star royal major
prince king duke earl ana sky ocean river forest lady lord sir ivy violet lily daisy olive pearl ruby amber crystal
gene guy harry jack jimmy nick pat rob sandy skip sue tony wade ward wayne west north south east young dr mr mrs ms
miss the this that these those best dear love life money china india israel asia jersey kent lincoln washington
franklin jackson charlotte alexandria
"""
#: Words that follow a first name at the start of a sentence without being a surname.
_NO_SURNAME_WORDS = """
street road avenue is was has had will would can could said says went came monday tuesday wednesday thursday friday
saturday sunday january february march april may june july august september october november december university
college school hospital hotel airport station bank company club island city county beach park river lake north south
east west and or but the a an
"""
_AMBIGUOUS = frozenset(_AMBIGUOUS_WORDS.split())
_NO_SURNAME = frozenset(_NO_SURNAME_WORDS.split())


@lru_cache(maxsize=1)
def _lists() -> tuple[frozenset[str], frozenset[str]]:
    """First names and surnames in lower case, from Faker's lists of what people are called."""
    first: set[str] = set()
    last: set[str] = set()
    for locale in _LOCALES:
        # Imported by name and late: the lists take a moment to load.
        people = import_module(f"faker.providers.person.{locale}").Provider
        first.update(name.casefold() for name in getattr(people, "first_names", ()) or ())
        last.update(name.casefold() for name in getattr(people, "last_names", ()) or ())
    return frozenset(name for name in first if len(name) > 2), frozenset(last)


def find_names(text: str) -> Iterator[tuple[int, int]]:
    """Names of persons as (start, end); they may overlap."""
    for match in _CAPITALISED.finditer(text):
        if (end := _end_of_name(text, match)) is not None:
            yield match.start(), end


def _end_of_name(text: str, match: re.Match[str]) -> int | None:
    """Where the name ends that a capitalised word begins, or None where it begins none."""
    first_names, last_names = _lists()
    first = match.group().casefold()
    is_first, is_doubtful = first in first_names, first in _AMBIGUOUS
    rest = _REST.match(text, match.end())
    last = rest.group(1).casefold() if rest else ""
    is_followed = bool(last) and last not in _NO_SURNAME
    if rest and is_first and is_followed and (last in last_names or not is_doubtful):
        return rest.end()
    before = (
        text[max(0, match.start() - _LONGEST_CUE) : match.start()].casefold().rstrip(" \n.,").replace("\u2019", "'")
    )
    if _ends_with(before, _SURE_CUES):
        return rest.end() if rest and is_followed else match.end()
    if is_first and not is_doubtful and _ends_with(before, _WEAK_CUES):
        return match.end()
    return None


def _ends_with(before: str, cues: tuple[str, ...]) -> bool:
    if not before.endswith(cues):
        return False
    return any(before.endswith(cue) and not before[-len(cue) - 1 : -len(cue)].isalnum() for cue in cues)


def find_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Postal addresses (street and number) as (start, end)."""
    for match in _STREET.finditer(text):
        yield match.span()
