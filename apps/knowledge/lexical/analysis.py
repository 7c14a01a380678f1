"""From text to the terms that are looked up: words without accents of writing, stemmed as their language is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import Stemmer

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

#: Stemmers of the Snowball project by ISO 639-1 code.
STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
#: The language of a text that is too short to tell; its words are left as they are.
UNKNOWN = "und"
_WITHOUT_STEMMER = ("bg", "bn", "cs", "fa", "he", "hr", "lv", "mk", "pl", "sk", "sl", "sw", "te", "uk", "ur", "vi")
#: A term never holds more characters; what is longer (keys, encoded data) is found by its beginning.
MAX_TERM_CHARACTERS = 64

# Signs that Python does not count to words though words hold them: vowels and marks of Indic and other scripts.
_SIGNS = r"\u0300-\u036f\u0591-\u05c7\u064b-\u0652\u0670\u0900-\u0963\u0966-\u0dff"
# Scripts that write no spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han. Hangul does, but joins particles.
_RUNS = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_UNSPACED = re.compile(rf"[{_RUNS}\U00020000-\U0003ffff]+")
_WORD = re.compile(rf"(?:[^\W_]|[{_SIGNS}{_RUNS}])+")
# Before stemming: vowel points and tatweel, which few write, go; letters that are typed in several ways become one.
_POINTS = dict.fromkeys([*range(0x0591, 0x05C8), *range(0x064B, 0x0653), 0x0670, 0x0640])
_SAME_LETTERS = {ord("\u0623"): "\u0627", ord("\u0625"): "\u0627", ord("\u0622"): "\u0627", ord("\u0451"): "\u0435"}
_BEFORE_STEMMING: dict[int, str | None] = {**_POINTS, **_SAME_LETTERS}
# After it: accents of Latin and Greek letters, which the stemmers look at.
_ACCENT = re.compile(r"(?<=[a-z\u0370-\u03ff])[\u0300-\u036f]+")
_BY_SCRIPT: tuple[tuple[str, str], ...] = (
    (r"[\u3040-\u30ff]", "ja"),
    (r"[\uac00-\ud7af]", "ko"),
    (r"[\u3400-\u9fff]", "zh"),
    (r"[\u0e00-\u0e7f]", "th"),
)
_SAMPLE_CHARACTERS = 4_000
_LEAST_LETTERS = 12


def terms(text: str, language: str) -> list[str]:
    """The terms of `text`, in its order and as often as they come.

    Words are lower-cased, compatible forms made one (NFKC), stemmed where the language has a stemmer, and freed of the
    accents that many leave out. Runs of a script without spaces become pairs of neighbouring signs, so that a word is
    found without knowing where it begins. A query is analysed as the language of what it is to find.

    Args:
        language: ISO 639-1 code; one without a stemmer leaves words as they are.
    """
    return list(_terms(text, language))


def detect_language(text: str) -> str:
    """The ISO 639-1 code of the language that most of the text is in; "und" where too little tells it.

    By script where that is enough, else by py3langid.
    """
    sample = text[:_SAMPLE_CHARACTERS]
    letters = [sign for sign in sample if sign.isalpha()]
    for pattern, language in _BY_SCRIPT:
        found = len(re.findall(pattern, sample))
        if found * 5 > len(letters) and found:
            return language
    if len(letters) < _LEAST_LETTERS:
        return UNKNOWN
    return str(_identifier().classify(sample)[0])


def _terms(text: str, language: str) -> Iterator[str]:
    for word in _words(text):
        for is_unspaced, part in _parts(word):
            if not is_unspaced:
                yield _stem(part[:MAX_TERM_CHARACTERS], language)
            elif len(part) == 1:
                yield part
            else:
                yield from (part[at : at + 2] for at in range(len(part) - 1))


def _words(text: str) -> Iterable[str]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(plain if plain.isascii() else plain.translate(_BEFORE_STEMMING))


def _parts(word: str) -> Iterator[tuple[bool, str]]:
    """The word's runs, each with whether its script writes no spaces."""
    end = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > end:
            yield False, word[end : run.start()]
        yield True, run.group()
        end = run.end()
    if end < len(word):
        yield False, word[end:]


@lru_cache(maxsize=200_000)
def _stem(word: str, language: str) -> str:
    stemmer = _stemmer(language)
    stem = word if stemmer is None else str(stemmer.stemWord(word))
    if not stem.isascii():
        stem = unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFD", stem)))
    return stem[:MAX_TERM_CHARACTERS]


@lru_cache
def _identifier() -> LanguageIdentifier:
    # Imported here: the model is for those who read documents, not for every web process at its start.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    # Rare languages take the short texts of their large neighbours, and have no stemmer to gain by.
    identifier.set_languages([*STEMMERS, *_WITHOUT_STEMMER])
    return identifier


@lru_cache
def _stemmer(language: str) -> Stemmer.Stemmer | None:
    name = STEMMERS.get(language)
    return None if name is None else Stemmer.Stemmer(name)
