"""Who may work on an order: what it asks of annotators, what an annotator has, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.core.errors import FieldProblem, InvalidInput

#: Languages that annotators can declare and orders can ask for (ISO 639-1).
LANGUAGES = {
    "am": "Amharic",
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "gu": "Gujarati",
    "ha": "Hausa",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "ig": "Igbo",
    "it": "Italian",
    "ja": "Japanese",
    "kn": "Kannada",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "ml": "Malayalam",
    "mr": "Marathi",
    "ms": "Malay",
    "my": "Burmese",
    "ne": "Nepali",
    "nl": "Dutch",
    "no": "Norwegian",
    "pa": "Punjabi",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "rw": "Kinyarwanda",
    "si": "Sinhala",
    "sk": "Slovak",
    "sl": "Slovenian",
    "so": "Somali",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tl": "Tagalog",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "yo": "Yoruba",
    "zh": "Chinese",
    "zu": "Zulu",
}
MAX_LANGUAGES = 12
MAX_SKILLS = 5


@dataclass(frozen=True)
class Level:
    """A level of experience: so many accepted answers, and this share of all decided ones."""

    number: int
    accepted: int
    percent: int

    @property
    def in_words(self) -> str:
        """How it is reached."""
        return f"{self.accepted:,} accepted answers, {self.percent} % of all decided ones"


LEVELS = (Level(1, 20, 70), Level(2, 200, 80), Level(3, 1_000, 90), Level(4, 5_000, 95))


def level_of(accepted: int, rejected: int) -> int:
    """The level that an annotator's decided answers amount to; 0 before the first."""
    decided = max(1, accepted + rejected)
    reached = [one.number for one in LEVELS if accepted >= one.accepted and accepted * 100 >= decided * one.percent]
    return max(reached, default=0)


@dataclass(frozen=True)
class Requirements:
    """What an order asks of those who work on it: all the skills, all the languages, at least the level."""

    skills: tuple[UUID, ...] = ()
    languages: tuple[str, ...] = ()
    level: int = 0

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Requirements:
        """As stored with an order; {} asks for nothing."""
        skills = tuple(UUID(one) for one in stored.get("skills", ()))
        return cls(skills, tuple(stored.get("languages", ())), int(stored.get("level", 0)))

    def as_json(self) -> dict[str, Any]:
        """For the API and the database; {} where nothing is asked for."""
        if not (self.skills or self.languages or self.level):
            return {}
        return {
            "skills": [str(one) for one in self.skills],
            "languages": list(self.languages),
            "level": self.level,
        }


@dataclass(frozen=True)
class Credentials:
    """What an annotator can show: skills in force, declared languages, level."""

    skills: frozenset[UUID] = frozenset()
    languages: frozenset[str] = frozenset()
    level: int = 0


@dataclass(frozen=True)
class Missing:
    """One thing that an annotator lacks for an order, and where it is to be had."""

    kind: str
    name: str
    message: str
    url: str

    def as_json(self) -> dict[str, str]:
        """For the API."""
        return {"kind": self.kind, "name": self.name, "message": self.message, "url": self.url}


def missing(asked: Requirements, has: Credentials, skill_names: Mapping[UUID, str]) -> tuple[Missing, ...]:
    """What stands between an annotator and an order; () where nothing does.

    Args:
        skill_names: of the skills asked for.
    """
    found = []
    for skill in asked.skills:
        if skill not in has.skills:
            name = skill_names.get(skill, "a skill")
            message = f"The skill “{name}”: pass its short paid test."
            found.append(Missing("skill", name, message, f"/work/skills/{skill}/"))
    for code in asked.languages:
        if code not in has.languages:
            name = LANGUAGES.get(code, code)
            found.append(Missing("language", name, f"{name}: say in your profile that you speak it.", "/work/profile/"))
    if asked.level > has.level:
        wanted = LEVELS[asked.level - 1]
        message = f"Level {wanted.number} ({wanted.in_words}); yours is {has.level}. Work on other orders first."
        found.append(Missing("level", f"level {wanted.number}", message, "/work/profile/"))
    return tuple(found)


def check_languages(codes: Sequence[Any], field: str = "languages") -> tuple[str, ...]:
    """Known codes, each once, in order. Raises InvalidInput `unknown_language`."""
    cleaned = sorted({str(code).strip().lower() for code in codes})
    unknown = [code for code in cleaned if code not in LANGUAGES]
    message = ""
    if unknown:
        message = f"“{unknown[0][:20]}” is no language known here. Use codes of ISO 639-1, such as en or sw."
    elif len(cleaned) > MAX_LANGUAGES:
        message = f"At most {MAX_LANGUAGES} languages."
    if message:
        raise InvalidInput("unknown_language", message, errors=[{"field": field, "message": message}])
    return tuple(cleaned)


def check_requirements(
    *, skills: Sequence[UUID], languages: Sequence[Any], level: int, usable_skills: Sequence[UUID]
) -> Requirements:
    """What an order can ask for. Raises InvalidInput naming the field.

    Args:
        usable_skills: the organisation's own skills and the platform's.
    """
    problems: list[FieldProblem] = []
    wanted = tuple(dict.fromkeys(skills))
    if len(wanted) > MAX_SKILLS:
        problems.append({"field": "skills", "message": f"At most {MAX_SKILLS} skills."})
    elif set(wanted) - set(usable_skills):
        message = "Choose among your organisation's skills and the platform's that can be taken."
        problems.append({"field": "skills", "message": message})
    if not 0 <= level <= len(LEVELS):
        problems.append({"field": "level", "message": f"A level is 0 (none) to {len(LEVELS)}."})
    if problems:
        raise InvalidInput("invalid_requirements", problems[0]["message"], errors=problems)
    return Requirements(wanted, check_languages(languages), level)
