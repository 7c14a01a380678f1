"""E-mail into blocks: subject, who to whom and when, the message, and the attachments that are documents themselves."""

from __future__ import annotations

import email
import email.policy
import tempfile
from collections.abc import Callable, Iterator
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import oxmsg

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.encoding import clean, decode
from apps.knowledge.parsing.html import html_blocks
from apps.knowledge.parsing.reading import Reading
from apps.knowledge.parsing.text import text_blocks
from apps.knowledge.types import Block, BlockKind

MAX_ATTACHMENTS = 20
MAX_DEPTH = 2

ReadBlocks = Callable[[Reading], list[Block]]


def read_email(reading: Reading, read: ReadBlocks) -> list[Block]:
    """Blocks of a message as it went over the wire (.eml). `read` reads an attachment."""
    message: Any = email.message_from_bytes(reading.path.read_bytes(), policy=email.policy.default)
    blocks = _head(reading, [(name, _header(message, name)) for name in ("Subject", "From", "To", "Cc", "Date")])
    body = message.get_body(preferencelist=("plain", "html"))
    if body is not None:
        content = _content(body)
        blocks += (
            html_blocks(content)[1] if body.get_content_type() == "text/html" else list(text_blocks(clean(content)))
        )
    blocks += _attachments(reading, read, list(_parts(message, body)))
    return blocks


def read_outlook(reading: Reading, read: ReadBlocks) -> list[Block]:
    """Blocks of an Outlook message (.msg). `read` reads an attachment."""
    message = oxmsg.Message.load(str(reading.path))
    headers = {name.lower(): value for name, value in message.message_headers.items()}
    to = _words(headers.get("to", "")) or ", ".join(
        f"{one.name} <{one.email_address}>" for one in message.recipients if one.email_address
    )
    date = str(message.sent_date) if message.sent_date else ""
    pairs = [("Subject", message.subject or ""), ("From", _words(message.sender or "")), ("To", to)]
    blocks = _head(reading, [*pairs, ("Cc", _words(headers.get("cc", ""))), ("Date", date)])
    if (message.body or "").strip():
        blocks += list(text_blocks(clean(message.body or "")))
    elif message.html_body:
        blocks += html_blocks(message.html_body)[1]
    parts = [(one.file_name or "attachment", one.file_bytes or b"") for one in message.attachments]
    return blocks + _attachments(reading, read, parts)


def _head(reading: Reading, pairs: list[tuple[str, str]]) -> list[Block]:
    subject = " ".join(pairs[0][1].split())
    reading.title = reading.title or subject
    lines = [f"{name}: {' '.join(value.split())}" for name, value in pairs[1:] if value.strip()]
    blocks = [Block(BlockKind.HEADING, clean(subject) or "Message", level=1 + 2 * reading.depth)]
    return [*blocks, Block(BlockKind.PARAGRAPH, clean("\n".join(lines)))] if lines else blocks


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except (ValueError, IndexError, AttributeError, TypeError):  # headers that no grammar allows
        return ""


def _words(raw: str) -> str:
    try:
        return str(make_header(decode_header(raw)))
    except (ValueError, LookupError):
        return raw


def _content(part: Any) -> str:
    payload = part.get_payload(decode=True) or b""
    return decode(payload, str(part.get_content_charset() or ""))


def _parts(message: Any, body: Any) -> Iterator[tuple[str, bytes]]:
    for part in message.walk():
        if part is body or (part.is_multipart() and part.get_content_type() != "message/rfc822"):
            continue
        is_alternative = part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment"
        if is_alternative or part is message:
            continue
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload()
            data = bytes(inner[0]) if isinstance(inner, list) and inner else b""
            yield part.get_filename() or "message.eml", data
        else:
            yield part.get_filename() or "attachment", part.get_payload(decode=True) or b""


def _attachments(reading: Reading, read: ReadBlocks, parts: list[tuple[str, bytes]]) -> list[Block]:
    blocks: list[Block] = []
    for place, (raw_name, data) in enumerate(parts):
        name = " ".join(clean(raw_name).split())[:200] or "attachment"
        if place >= MAX_ATTACHMENTS or reading.depth >= MAX_DEPTH:
            reading.note(f"The attachment {name} was not read: there are too many.")
            continue
        try:
            found = _read_attachment(reading, read, name, data)
        except UnreadableFile as error:
            reading.note(f"The attachment {name} was not read. {error.message}")
            continue
        heading = Block(BlockKind.HEADING, f"Attachment: {name}", level=2 + 2 * reading.depth)
        blocks += [heading, *(Block(one.kind, one.text, min(6, one.level + 2) if one.level else 0) for one in found)]
    return blocks


def _read_attachment(reading: Reading, read: ReadBlocks, name: str, data: bytes) -> list[Block]:
    with tempfile.TemporaryDirectory(prefix="attachment-") as folder:
        path = Path(folder) / "attachment"
        path.write_bytes(data)
        inner = Reading(path=path, name=name, password=reading.password, depth=reading.depth + 1)
        found = read(inner)
        for note in inner.notes:
            reading.note(note)
        return found
