"""Small real files for tests: a PDF with text, one under a password, one that is a picture, a Word document."""

from __future__ import annotations

import io

import docx
from pypdf import PdfReader, PdfWriter
from pypdf.generic import EncodedStreamObject, NameObject

HANDBOOK = """# Handbook

## Returns

You have 30 days from delivery to return an item. Returning is free within Germany.

## Shipping

We ship to Norway and Switzerland. Delivery takes four days.

| Country | Days |
|---|---|
| Norway | 6 |
| Switzerland | 4 |
"""


def pdf(*pages: str) -> bytes:
    """A PDF with one line of Helvetica text on each page."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for index, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET" if text else ""
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * index} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    return _assembled(objects)


def encrypted_pdf() -> bytes:
    """The same, under a password."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Secret text."))))
    writer.encrypt("a-password", algorithm="AES-256")
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def pdf_of_stream(deflated: bytes) -> bytes:
    """A PDF whose only page unpacks its content from these deflated bytes."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Text."))))
    content = EncodedStreamObject()
    content._data = deflated
    content[NameObject("/Filter")] = NameObject("/FlateDecode")
    writer.pages[0][NameObject("/Contents")] = writer._add_object(content)
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def word() -> bytes:
    """A DOCX with headings, paragraphs and a table."""
    document = docx.Document()
    document.add_heading("Lease", level=1)
    document.add_heading("Deposit", level=2)
    document.add_paragraph("The deposit is two months of rent.")
    table = document.add_table(rows=2, cols=2)
    for row, values in zip(table.rows, (("Month", "Rent"), ("May", "900")), strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def _assembled(objects: list[str]) -> bytes:
    body, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n".encode()
    start = len(body)
    rows = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    tail = (
        f"xref\n0 {size}\n0000000000 65535 f \n{rows}trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF"
    )
    return body + tail.encode()
