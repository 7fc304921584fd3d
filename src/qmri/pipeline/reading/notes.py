"""What stands beside a reader's correction: who made it and when, or why an examination cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from qmri.errors import QmriError
from qmri.images.sidecar import sidecar_path
from qmri.json_files import read_json, write_json
from qmri.pipeline.records.decisions import Part
from qmri.pipeline.records.provenance import sha256
from qmri.pipeline.records.whole_file import whole_file

Note = TypeVar("Note", bound=Part)


class FormerCorrection(Part):
    """What a note says of the correction before."""

    NamesConfirmed: bool
    Sha256: str


class CorrectionNote(Part):
    """The sidecar of a correction that `qmri review` saved.

    Attributes
    ----------
    Reader, Time
        Initials; UTC, ISO 8601.
    Decisions
        What the reader decided, in order, a sentence each.
    NamesConfirmed
        Whether the reader stands behind the names of all levels.
    Sha256
        Of the correction; a correction that was changed by other means has no note.
    Former
        The same of the correction that this one replaces: the note is written first, so that a kill in
        between leaves the former correction with a note that speaks of it.
    """

    Reader: str
    Time: str
    Decisions: tuple[str, ...]
    NamesConfirmed: bool
    Sha256: str
    Former: FormerCorrection | None = None


class UnusableNote(Part):
    """A reader's word that an examination cannot be used."""

    Reader: str
    Time: str
    Reason: str


def read_note(correction: Path) -> CorrectionNote | None:
    """Return the note of a correction; None where there is none, or it speaks of another content.

    Raises
    ------
    QmriError
        If the note was edited into something else.
    """
    path = sidecar_path(correction)
    if path == correction or not path.is_file():
        return None
    content = read_json(path)
    if "NamesConfirmed" not in content:
        return None  # a sidecar of another program
    note = _validated(CorrectionNote, content, path)
    digest = sha256(correction)
    if note.Former is not None and digest == note.Former.Sha256 != note.Sha256:
        return note.model_copy(
            update={"NamesConfirmed": note.Former.NamesConfirmed, "Sha256": digest, "Former": None}
        )
    return note if note.Sha256 == digest else None


def write_note(correction: Path, note: CorrectionNote) -> None:
    """Write the note of a correction, whole or not at all."""
    _write(sidecar_path(correction), note)


def unusable_path(directory: Path, exam: str) -> Path:
    """Return where a reader's word that an examination cannot be used lies."""
    return directory / f"{exam}_desc-manual_unusable.json"


def read_unusable(directory: Path, exam: str) -> UnusableNote | None:
    """Return a reader's word that an examination cannot be used, None where nobody said so.

    Raises
    ------
    QmriError
        If the file was edited into something else.
    """
    path = unusable_path(directory, exam)
    return _validated(UnusableNote, read_json(path), path) if path.is_file() else None


def write_unusable(directory: Path, exam: str, note: UnusableNote) -> Path:
    """Write a reader's word that an examination cannot be used, and return the file."""
    path = unusable_path(directory, exam)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, note)
    return path


def _validated(kind: type[Note], content: dict[str, object], path: Path) -> Note:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise QmriError(
            "a reader's note was edited into something else",
            where=path.name,
            found=f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}",
            expected=", ".join(kind.model_fields),
            remedy="decide again in qmri review, or take the file away",
        ) from None


def _write(path: Path, note: Part) -> None:
    with whole_file(path) as staging:
        write_json(staging, note.to_json())
