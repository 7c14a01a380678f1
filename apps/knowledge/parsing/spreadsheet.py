"""Excel and OpenDocument spreadsheets into blocks: a heading for each sheet, then its tables."""

from __future__ import annotations

from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.parsing.reading import Reading
from apps.knowledge.parsing.tables import table_blocks
from apps.knowledge.types import Block, BlockKind

_MAX_CELLS = 4_000_000


def read_spreadsheet(reading: Reading) -> list[Block]:
    """Blocks of a workbook; formulas count with the value they last had."""
    blocks: list[Block] = []
    try:
        workbook = CalamineWorkbook.from_path(str(reading.path))
    except PasswordError:
        raise UnreadableFile(
            "encrypted_file", "The spreadsheet is protected by a password. Save a copy without it and upload that."
        ) from None
    with workbook:
        for info in workbook.sheets_metadata:
            if info.typ is not SheetTypeEnum.WorkSheet:
                continue
            sheet = workbook.get_sheet_by_name(info.name)
            if sheet.width * sheet.height > _MAX_CELLS:
                raise UnreadableFile(
                    "too_large_unpacked",
                    f"The sheet {info.name} has too many cells. Delete the empty ones or split it.",
                )
            tables = list(table_blocks(sheet.iter_rows()))
            if tables:
                blocks.append(Block(BlockKind.HEADING, " ".join(info.name.split()) or "Sheet", level=1))
                blocks += tables
    return blocks
