"""Small files of every format that is read, made here; each holds the words `Harbour fee` and a table row."""

from __future__ import annotations

import io
import json
import zipfile
from email.message import EmailMessage

import xlsxwriter
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

WORDS = "Harbour fee"
ROW = ("Oslo", "42", "Norway")

HTML = f"""<!doctype html><html><head><title>Fees</title><style>p {{ color: red }}</style></head><body>
<nav><a href="/">Home</a></nav><h1>Fees</h1><p>The <b>{WORDS}</b> is due<br>in May.</p>
<table><tr><th>City</th><th>Fee</th><th>Country</th></tr><tr><td>Oslo</td><td>42</td><td>Norway</td></tr></table>
<p style="display: none">Unseen words</p><script>alert("scripted")</script></body></html>"""

MARKDOWN = f"# Fees\n\nThe {WORDS}.\n\n| City | Fee | Country |\n|---|---|---|\n| Oslo | 42 | Norway |\n"


def zipped(members: dict[str, str | bytes], first: str = "") -> bytes:
    """A zip archive; `first` is stored uncompressed before the others."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        if first:
            archive.writestr("mimetype", first, zipfile.ZIP_STORED)
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def slides() -> bytes:
    """A deck of two slides with a table, a chart and notes."""
    deck = Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[5])
    first.shapes.title.text = "Fees"
    table = first.shapes.add_table(2, 3, Inches(1), Inches(2), Inches(6), Inches(1)).table
    for place, value in enumerate(("City", "Fee", "Country")):
        table.cell(0, place).text = value
    for place, value in enumerate(ROW):
        table.cell(1, place).text = value
    second = deck.slides.add_slide(deck.slide_layouts[6])
    data = CategoryChartData()
    data.categories = ["May"]
    data.add_series(WORDS, (17.5,))
    second.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(1), Inches(4), Inches(3), data)
    second.notes_slide.notes_text_frame.text = "Say it slowly."
    target = io.BytesIO()
    deck.save(target)
    return target.getvalue()


def workbook() -> bytes:
    """A workbook of two sheets."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Fees")
        for row, values in enumerate((("City", "Fee", "Country"), ROW)):
            sheet.write_row(row, 0, values)
        book.add_worksheet("Notes").write(0, 0, WORDS)
    return target.getvalue()


def book() -> bytes:
    """An EPUB of two chapters."""
    container = '<container><rootfiles><rootfile full-path="OEBPS/a.opf"/></rootfiles></container>'
    package = (
        '<package xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<metadata><dc:title>Fees of the North</dc:title></metadata>"
        '<manifest><item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="two" href="two%20b.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="two"/><itemref idref="one"/></spine></package>'
    )
    return zipped(
        {
            "META-INF/container.xml": container,
            "OEBPS/a.opf": package,
            "OEBPS/one.xhtml": "<html><body><p>No heading here.</p></body></html>",
            "OEBPS/two b.xhtml": HTML,
        },
        first="application/epub+zip",
    )


def open_text() -> bytes:
    """An ODT with a heading, a paragraph and a table."""
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table")
    )
    cells = "".join(f"<table:table-cell><text:p>{value}</text:p></table:table-cell>" for value in ROW)
    content = (
        f'<office:document-content {names}><office:body><office:text><text:h text:outline-level="2">Fees</text:h>'
        f"<text:p>The<text:s/>{WORDS}.</text:p><table:table><table:table-row>{cells}</table:table-row></table:table>"
        "</office:text></office:body></office:document-content>"
    )
    return zipped({"content.xml": content}, first="application/vnd.oasis.opendocument.text")


def message() -> bytes:
    """A message with a text body, an HTML alternative, a table and a picture attached."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Fees of Łódź", "Ann <ann@example.org>", "bob@example.org"
    mail["Date"], mail["MIME-Version"] = "Mon, 02 Nov 2026 10:00:00 +0000", "1.0"
    mail.set_content(f"The {WORDS} is due.\n")
    mail.add_alternative(f"<p>The {WORDS} is due.</p>", subtype="html")
    table = "City,Fee,Country\nOslo,42,Norway\nRome,7,Italy\n"
    mail.add_attachment(table.encode(), maintype="text", subtype="csv", filename="fees.csv")
    mail.add_attachment(b"\x89PNG\r\n\x1a\n" + bytes(200), maintype="image", subtype="png", filename="map.png")
    return mail.as_bytes()


def notebook() -> bytes:
    """A notebook with prose, code and an output."""
    cells = [
        {"cell_type": "markdown", "source": [MARKDOWN]},
        {
            "cell_type": "code",
            "source": "print(17)",
            "outputs": [{"output_type": "stream", "text": ["seventeen\n"]}, {"data": {"image/png": "iVBORw0KGgo="}}],
        },
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


RTF = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 The Harbour fee of K\'f6ln.\par Oslo 42 Norway\par}"
JSON = json.dumps([{"city": "Oslo", "fee": 42, "of": {"country": "Norway"}, "what": WORDS}]).encode()
JSON_LINES = b'{"city": "Oslo", "fee": 42, "country": "Norway"}\n{"what": "Harbour fee"}\n'
TABLE = f"City;Fee;Country;What\nOslo;42;Norway;{WORDS}\nRome;7;Italy;\n".encode("utf-16")
XML = f'<?xml version="1.0"?><fees><fee city="Oslo">Oslo 42 Norway</fee><what>{WORDS}</what></fees>'.encode()
ENTITY_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "haha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><a>&j;</a>"
)
