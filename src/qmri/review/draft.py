"""The labels of one examination under a reader's hands: each decision is applied, saved, logged at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from zlib import compress, crc32, decompress

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.pipeline.reading.corrections import save_correction, withdraw_correction
from qmri.pipeline.reading.notes import read_note
from qmri.pipeline.reading.readings import Reading, append_reading, now
from qmri.pipeline.reading.saved import saved_digest
from qmri.review.decisions import Edit
from qmri.review.examination import Opened


@dataclass(frozen=True)
class Step:
    """A state of the labels, and the decision that led to it.

    Attributes
    ----------
    packed
        The labels, compressed: a sitting may have hundreds of steps.
    names_confirmed
        Whether a reader stands behind the names of all levels.
    decision
        What led here, in words; empty for the state that was found.
    """

    packed: bytes
    names_confirmed: bool
    decision: str = ""


@dataclass(frozen=True)
class Reader:
    """Who reads, and what for.

    Attributes
    ----------
    initials
        Of the reader.
    read
        ``first`` or ``second``.
    """

    initials: str
    read: str


class Draft:
    """The labels of an examination with the decisions of this sitting.

    Parameters
    ----------
    results
        The results folder.
    opened
        The examination.
    path
        Where the correction is saved.
    found
        The correction that the labels were read from, in whatever form; None where there was none.

    Attributes
    ----------
    labels
        The labels as they are now, int16 (x, y, z).
    """

    def __init__(self, results: Path, opened: Opened, path: Path, found: Path | None) -> None:
        self.results, self.opened, self.path = results, opened, path
        note = read_note(found) if found else None
        self._was_there = found is not None
        self._saved = _digest(found)
        self._decided_before = note.Decisions if note else ()
        confirmed = self._was_there and (note is None or note.NamesConfirmed)
        self.labels: NDArray[np.int16] = opened.labels
        self._steps = [Step(_packed(opened.labels), confirmed)]

    @property
    def version(self) -> int:
        """What stands for the labels as they are, so that a page cannot decide on what it has not seen."""
        return crc32(self._steps[-1].packed)

    @property
    def names_confirmed(self) -> bool:
        """Whether a reader stands behind the names."""
        return self._steps[-1].names_confirmed

    @property
    def undoable(self) -> str:
        """The decision that undo would take back, empty where there is none."""
        return self._steps[-1].decision

    def is_of(self, found: Path | None) -> bool:
        """Tell whether the correction that lies there now is the one that was read or saved here."""
        return self._saved == _digest(found)

    def apply(self, reader: Reader, decision: str, edit: Edit) -> str:
        """Apply a change of the labels, save them and log it; return the SHA-256 of what was saved.

        Raises
        ------
        QmriError
            If the change is refused; nothing is saved then.
        OSError
            If it cannot be saved; the labels are as they were then.
        """
        labels = edit.change(self.labels)
        confirmed = self.names_confirmed if edit.confirms is None else edit.confirms
        words = " ".join(part for part in (decision, edit.level, edit.detail) if part)
        steps = [*self._steps, Step(_packed(labels), confirmed, words)]
        return self._save(steps, labels, Reading(*self._who(reader), decision, edit.level, edit.detail))

    def undo(self, reader: Reader) -> str:
        """Take the last decision of this sitting back; return the SHA-256 of what was saved, if anything is.

        Raises
        ------
        QmriError
            If nothing was decided in this sitting.
        """
        if len(self._steps) == 1:
            raise QmriError("there is nothing to undo", remedy="only decisions of this sitting can be undone")
        steps = self._steps[:-1]
        flat = np.frombuffer(decompress(steps[-1].packed), np.uint8)
        labels = flat.reshape(self.labels.shape).astype(np.int16)
        return self._save(steps, labels, Reading(*self._who(reader), "undo", "", self.undoable))

    def _who(self, reader: Reader) -> tuple[str, str, str, str]:
        return now(), reader.initials, reader.read, self.opened.exam

    def _save(self, steps: list[Step], labels: NDArray[np.int16], reading: Reading) -> str:
        """Save labels (x, y, z) with the steps that led to them; they are the draft's once they are saved."""
        decided = [*self._decided_before, *(step.decision for step in steps[1:])]
        if len(steps) == 1 and not self._was_there:
            withdraw_correction(self.path)
            digest = ""
        else:
            digest = save_correction(
                self.path,
                labels,
                self.opened.images.affine,
                reader=reading.reader,
                decisions=decided,
                names_confirmed=steps[-1].names_confirmed,
            )
        self._steps, self.labels, self._saved = steps, labels, digest
        append_reading(self.results, replace(reading, file=self.path.name if digest else "", sha256=digest))
        return digest


def _digest(found: Path | None) -> str:
    return saved_digest(found) if found else ""


def _packed(labels: NDArray[np.int16]) -> bytes:
    """Return labels (x, y, z), a byte a voxel, compressed."""
    return compress(labels.astype(np.uint8).tobytes(), 1)
