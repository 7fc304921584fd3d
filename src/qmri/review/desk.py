"""All that one review holds: who reads, the examinations that are open, what waits to be measured."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.config import SegmentSettings, read_config
from qmri.errors import QmriError
from qmri.outputs import exam_directory
from qmri.pipeline.reading.corrections import correction_path, saved_correction
from qmri.pipeline.reading.notes import UnusableNote, read_unusable, unusable_path, write_unusable
from qmri.pipeline.reading.readings import FIRST, Reading, append_reading, now, read_readings
from qmri.pipeline.reading.second_read import keep_automatic
from qmri.pipeline.reading.worklist import read_done, tick_labels
from qmri.pipeline.records.ledger import examinations_of
from qmri.pipeline.study.reader_fractures import ReaderFractures, write_reader_fractures
from qmri.pipeline.study.study_sheet import Study, read_study
from qmri.review.again import Again
from qmri.review.decisions import Edit, Request, edit_of, words_of
from qmri.review.draft import Draft, Reader
from qmri.review.examination import Opened, measured_rows, open_examination
from qmri.review.open_drafts import OpenDrafts
from qmri.review.queue import Queue

CHANGES_LABELS = ("confirm", "shift", "rename", "delete", "add", "move", "paint")


class Desk:
    """A reader's desk. Its methods may be called from several threads.

    Parameters
    ----------
    results
        The results folder.
    sheet
        Study sheet; without one nothing is measured again, and fractures cannot be said.
    initials
        Of the reader; empty for looking only.
    """

    def __init__(self, results: Path, sheet: Path | None, initials: str) -> None:
        self.results, self.sheet, self.initials = results, sheet, initials
        self.read = FIRST
        self.names = examinations_of(results)
        self.again = Again(results, sheet) if sheet else None
        self._open = OpenDrafts(self._new_draft, self._found)
        self._before: dict[str, dict[str, dict[str, str]]] = {}
        self._lock = threading.RLock()

    @cached_property
    def queue(self) -> Queue:
        """The worklist, read once."""
        return Queue(self.results, self.names)

    @cached_property
    def _settings(self) -> SegmentSettings:
        """The settings under which these results were segmented."""
        frozen = self.results / "config.yaml"
        return read_config(frozen if frozen.is_file() else None).segment

    @property
    def order(self) -> list[str]:
        """The examinations in the order in which they are to be read."""
        return [row["exam"] for row in self.queue.rows(self.readings(), self.initials)]

    @property
    def study(self) -> Study:
        """The study sheet as it is now.

        Raises
        ------
        QmriError
            If none was named, or it is refused.
        """
        if self.sheet is None:
            raise QmriError(
                "no study sheet is named, so fractures cannot be said and nothing is measured again",
                remedy="qmri review RESULTS --sheet study.csv",
            )
        return read_study(self.sheet)

    def require(self, exam: str) -> str:
        """Return the name of an examination of these results.

        Raises
        ------
        QmriError
            If there is none of that name.
        """
        if exam not in self.names:
            raise QmriError("the results have no such examination")
        return exam

    def draft(self, exam: str) -> Draft:
        """Return the labels of an examination under the reader's hands, opened if they are not.

        Raises
        ------
        QmriError
            If there is none of that name, or it has no images.
        """
        return self._open.draft(self.require(exam))

    def warm(self) -> None:
        """Open the first examination of the queue in the background: the browser will ask for it."""
        self._open.open_first(self.order)

    def open_ahead(self, exam: str) -> None:
        """Open an examination in the background, and prepare it for cuts."""
        self._open.prepare_ahead(self.require(exam))

    def decide(self, exam: str, request: Request) -> str:
        """Do what a reader decided; it is on the disk when this returns.

        Returns
        -------
        str
            What the reader should know of the outcome; mostly nothing.

        Raises
        ------
        QmriError
            If nobody is named as the reader, another tab has decided since, or the decision is refused.
        """
        reader, note = self._reader(), ""
        with self._lock:
            self.require(exam)
            if request.decision in (*CHANGES_LABELS, "undo"):
                note = self._decide_labels(exam, request, reader)
            else:
                self._decide_words(exam, request, reader)
        if request.decision != "comment":
            self._measure_again(exam)
        elif self.again is not None:
            self.again.touch()
        return note

    def settle(self, exam: str, labels: NDArray[np.int16] | None, detail: str) -> None:
        """Make the labels (x, y, z) on which two readers agreed the ones that count; None for not usable.

        Raises
        ------
        QmriError
            If nobody is named as the reader, or the examination has no images.
        """
        reader = self._reader()
        directory = exam_directory(self.results, self.require(exam), "segment")
        with self._lock:
            if labels is None:
                keep_automatic(self.results, exam)
                note = UnusableNote(Reader=reader.initials, Time=now(), Reason=f"consensus: {detail}")
                write_unusable(directory, exam, note)
                self.log(exam, "consensus", detail=detail)
            else:
                edit = Edit(lambda _: labels, detail=detail, confirms=True)
                digest = self.draft(exam).apply(reader, "consensus", edit)
                unusable_path(directory, exam).unlink(missing_ok=True)
                self._confirmed(exam, reader, digest)
        self._measure_again(exam)

    def log(self, exam: str, decision: str, *, level: str = "", detail: str = "") -> None:
        """Log a decision that changes no labels."""
        reader = self._reader()
        append_reading(
            self.results, Reading(now(), reader.initials, reader.read, exam, decision, level, detail)
        )

    def readings(self) -> list[Reading]:
        """Return what readers decided."""
        return read_readings(self.results)

    def shows(self, reading: Reading) -> bool:
        """Tell whether this reader may see what a reading says."""
        return reading.read == self.read

    def rows_before(self, exam: str) -> dict[str, dict[str, str]]:
        """Return the measured rows of an examination as they were before this sitting changed anything."""
        return self._before.get(exam, {})

    def close(self) -> None:
        """End the background work."""
        self._open.close()

    def _reader(self) -> Reader:
        if not self.initials:
            raise QmriError("nobody is named as the reader", remedy="give your initials")
        return Reader(self.initials, self.read)

    def _path(self, exam: str) -> Path:
        return correction_path(self.results, exam)

    def _found(self, exam: str) -> Path | None:
        """Return the correction that lies there, in whatever form."""
        return saved_correction(self.results, exam)

    def _new_draft(self, exam: str) -> Draft:
        return Draft(self.results, self._opened(exam), self._path(exam), self._found(exam))

    def _opened(self, exam: str) -> Opened:
        return open_examination(self.results, exam)

    def _decide_labels(self, exam: str, request: Request, reader: Reader) -> str:
        draft = self.draft(exam)
        if request.version != draft.version:
            raise QmriError(
                "another page has decided on this examination meanwhile",
                remedy="look at it again; it has been loaded as it is now",
            )
        if request.decision == "undo":
            if draft.undoable == "confirm":
                self._unconfirmed(exam, reader)
            draft.undo(reader)
            return ""
        if request.decision == "confirm" and self._is_unusable(exam):
            raise QmriError(
                "the examination is said to be not usable, so it cannot be confirmed",
                remedy="say first that it is usable after all (x)",
            )
        edit = edit_of(request, draft.opened, lambda: self._open.prepared(exam), self._settings)
        was_confirmed = draft.names_confirmed
        digest = draft.apply(reader, request.decision, edit)
        if was_confirmed and not draft.names_confirmed:
            self._unconfirmed(exam, reader)
        if request.decision == "confirm":
            self._confirmed(exam, reader, digest)
        return edit.note

    def _measure_again(self, exam: str) -> None:
        if self.again is not None:
            self._before.setdefault(exam, measured_rows(self.results, exam))
            self.again.ask(exam)

    def _confirmed(self, exam: str, reader: Reader, digest: str) -> None:
        tick_labels(self.results, exam, reader.initials, digest)

    def _unconfirmed(self, exam: str, reader: Reader) -> None:
        """Take the tick of an examination back."""
        if exam in read_done(self.results):
            tick_labels(self.results, exam, reader.initials, "")

    def _is_unusable(self, exam: str) -> bool:
        return read_unusable(exam_directory(self.results, exam, "segment"), exam) is not None

    def _decide_words(self, exam: str, request: Request, reader: Reader) -> None:
        """Do and log a decision that changes no labels."""
        level, detail = words_of(request)
        if request.decision in ("not_usable", "usable"):
            self._save_use(exam, request, reader)
        elif request.decision == "fracture":
            self._save_fracture(exam, level, request, reader)
        self.log(exam, request.decision, level=level, detail=detail)

    def _save_use(self, exam: str, request: Request, reader: Reader) -> None:
        directory = exam_directory(self.results, exam, "segment")
        if request.decision == "usable":
            unusable_path(directory, exam).unlink(missing_ok=True)
        else:
            note = UnusableNote(Reader=reader.initials, Time=now(), Reason=request.text.strip())
            keep_automatic(self.results, exam)
            write_unusable(directory, exam, note)

    def _save_fracture(self, exam: str, level: str, request: Request, reader: Reader) -> None:
        """Write the level into the reader's sheet; the other levels stay as the sheets say."""
        row = self.study.find(exam)
        levels = {
            kind: tuple(each for each in getattr(row, f"{kind}_levels") if each != level)
            + ((level,) if kind in request.kinds else ())
            for kind in ("treated", "acute", "old")
        }
        if self.sheet is not None:
            said = ReaderFractures(
                row.participant_id,
                row.session_id,
                levels["treated"],
                levels["acute"],
                levels["old"],
                reader.initials,
                now(),
            )
            write_reader_fractures(self.sheet, said)
