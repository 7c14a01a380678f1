"""Reading a question set: a table of question and document, or JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from apps.core.errors import InvalidInput
from apps.knowledge.types import MAX_QUERY_CHARACTERS

MAX_QUESTIONS = 500
_DELIMITERS = "\t|;,"
_QUESTION_NAMES = ("question", "text", "query")


@dataclass
class Question:
    """A question and the names of the documents that answer it."""

    question: str
    documents: list[str] = field(default_factory=list)


def read_questions(text: str) -> list[Question]:
    """The questions of a table (question, then a document's name; a heading is passed over) or of JSON lines
    (`question`, `documents`). Rows with the same question are taken together.

    Raises:
        InvalidInput: there is none, there are too many, or a row has no question or no document.
    """
    plain = text.replace("\x00", "").lstrip("\ufeff").strip()
    found: dict[str, Question] = {}
    for number, question, documents in _json_rows(plain) if plain.startswith("{") else _table_rows(plain):
        if not question or not documents:
            raise _invalid(f"Line {number}: give a question and the name of the document that answers it.")
        if len(question) > MAX_QUERY_CHARACTERS:
            raise _invalid(f"Line {number}: the question is longer than {MAX_QUERY_CHARACTERS} characters.")
        kept = found.setdefault(question, Question(question))
        kept.documents += [name for name in documents if name not in kept.documents]
    if not 0 < len(found) <= MAX_QUESTIONS:
        raise _invalid(f"Give 1 to {MAX_QUESTIONS} questions, one a line: question | document.")
    return list(found.values())


def _json_rows(text: str) -> Iterator[tuple[int, str, list[str]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            question = next((row[name] for name in _QUESTION_NAMES if name in row), "")
            documents = row["documents"] if "documents" in row else [row.get("document", "")]
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise _invalid(f"Line {number} is no JSON object with `question` and `documents`.") from None
        yield number, _plain(question), _names(documents if isinstance(documents, list) else [documents])


def _table_rows(text: str) -> Iterator[tuple[int, str, list[str]]]:
    first = text.split("\n", 1)[0]
    delimiter = next((sign for sign in _DELIMITERS if sign in first), "|")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if reader.line_num == 1 and row[0].strip().lower() in _QUESTION_NAMES:
                continue
            yield reader.line_num, _plain(row[0]), _names(row[1:])
    except csv.Error as error:
        raise _invalid(f"Line {reader.line_num} of the table cannot be read: {error}.") from None


def _names(values: Iterable[object]) -> list[str]:
    return [name for name in map(_plain, values) if name]


def _plain(value: object) -> str:
    return " ".join(str(value).split())


def _invalid(message: str) -> InvalidInput:
    return InvalidInput("invalid_questions", message, errors=[{"field": "questions", "message": message}])
