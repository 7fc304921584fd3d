"""A table as people save it: CSV or TSV from any spreadsheet, in any of its usual encodings."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qmri.errors import QmriError

SAVE_AS = "in Excel: save as, file type 'CSV UTF-8 (comma delimited)'"
WORKBOOKS = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook",
    b"\xd0\xcf\x11\xe0": "an Excel 97-2003 workbook",
    b"%PDF": "a PDF file",
}
MARKS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"), (b"\xef\xbb\xbf", "UTF-8-SIG"))
DELIMITERS = (",", ";", "\t")
IDEOGRAPH = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\u3000-\u30ff]")


@dataclass(frozen=True)
class SheetText:
    """The cells of a table and how they were read.

    Attributes
    ----------
    header
        Column names in lower case, words joined by ``_``.
    rows
        Line of the file and the cells by column; rows without a filled cell are left out.
    notes
        What was read otherwise than as a CSV in UTF-8.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    notes: tuple[str, ...]


def read_sheet_text(path: Path) -> SheetText:
    """Read a table.

    Raises
    ------
    QmriError
        If it is a workbook or no text, or has cells outside its columns.
    """
    text, notes = _decoded(path)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first, delimiter = 0, None
    declared = (
        re.fullmatch(r'"?sep=(.)"?[,;\t]*', lines[0].strip("\ufeff \n"), re.IGNORECASE) if lines else None
    )
    if declared:
        first, delimiter = 1, declared[1]
    header_line = lines[first] if len(lines) > first else ""
    delimiter = delimiter or max(DELIMITERS, key=header_line.count)
    reader = csv.reader(lines[first:], delimiter=delimiter, skipinitialspace=True)
    names = [_column_name(cell) for cell in next(reader, [])]
    used = len(names) - next((i for i, name in enumerate(reversed(names)) if name), len(names))
    rows = []
    for cells in reader:
        line = first + reader.line_num
        stripped = [cell.strip() for cell in cells]
        if not any(stripped):
            continue
        _check_cells(stripped, names, used, f"{path.name}, line {line}")
        padded = stripped + [""] * (len(names) - len(stripped))
        rows.append((line, {name: cell for name, cell in zip(names, padded, strict=False) if name}))
    return SheetText(tuple(names[:used]), tuple(rows), tuple(notes))


def _column_name(cell: str) -> str:
    return re.sub(r"[\s\-]+", "_", cell.strip("\ufeff \t\u00a0\u3000")).casefold()


def _check_cells(cells: list[str], names: list[str], used: int, where: str) -> None:
    beyond = [cell for cell in cells[used:] if cell]
    if beyond:
        raise QmriError(
            "a row of the table has more cells than the header",
            where=where,
            found=f"{beyond[0]!r} in cell {cells.index(beyond[0], used) + 1}, the header has {used}",
            remedy="separate several levels by ; and quote cells that hold the separator",
        )
    unnamed = [cell for cell, name in zip(cells, names, strict=False) if cell and not name]
    if unnamed:
        raise QmriError(
            "a column of the table has no name",
            where=where,
            found=f"{unnamed[0]!r} in cell {cells.index(unnamed[0]) + 1}",
            remedy="name the column or empty it",
        )


def _decoded(path: Path) -> tuple[str, list[str]]:
    """Return the text of a file and what is to be reported of its encoding."""
    content = path.read_bytes()
    for magic, kind in WORKBOOKS.items():
        if content.startswith(magic):
            raise QmriError(
                "the table is not a text file",
                where=path.name,
                found=kind,
                expected="CSV in UTF-8",
                remedy=SAVE_AS,
            )
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "UTF-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        encoding, text = _older(content, path)
    if "\0" in text:
        raise QmriError(
            "the table is not a text file",
            where=path.name,
            found="zero bytes",
            expected="CSV in UTF-8",
            remedy=SAVE_AS,
        )
    plain = encoding.startswith("UTF-8")
    return text, [] if plain else [f"read as {encoding}, not UTF-8: look at letters that are no ASCII"]


def _older(content: bytes, path: Path) -> tuple[str, str]:
    """Decode what is no UTF-8: Chinese Windows writes GBK, western Windows code page 1252.

    The common characters come first: their two bytes are both beyond ASCII, as in no western word.
    """
    guesses = (("GB2312", IDEOGRAPH.fullmatch), ("cp1252", str.isalpha), ("GB18030", IDEOGRAPH.fullmatch))
    for encoding, fits in guesses:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if all(fits(character) for character in _beyond_ascii(text)):
            return encoding, text
    raise QmriError(
        "the encoding of the table is not known",
        where=path.name,
        expected="CSV in UTF-8",
        remedy=SAVE_AS,
    )


def _beyond_ascii(text: str) -> Iterator[str]:
    return (character for character in text if not character.isascii())
