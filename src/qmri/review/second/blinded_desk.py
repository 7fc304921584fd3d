"""The desk of a blinded second reader: nothing of the first read reaches it, and it writes beside the study.

It starts from the automatic labels, saves to ``review/<READER>/`` and the log, and has nothing measured.
"""

from __future__ import annotations

from pathlib import Path

from qmri.errors import QmriError
from qmri.pipeline.reading.readings import SECOND, Reading
from qmri.pipeline.reading.second_read import automatic_labels, second_read_path, shares_consensus
from qmri.review.decisions import Request
from qmri.review.desk import Desk
from qmri.review.draft import Reader
from qmri.review.examination import Opened, open_with


class SecondDesk(Desk):
    """The desk of one blinded second reader.

    Parameters
    ----------
    results
        The results folder.
    initials
        Of the reader, whose folder the read is.
    """

    def __init__(self, results: Path, initials: str) -> None:
        super().__init__(results, None, initials)
        self.read = SECOND

    @property
    def order(self) -> list[str]:
        """The examinations by name: no order of need comes from the first read."""
        return self.names

    def readings(self) -> list[Reading]:
        """Return what this reader decided in the second read, and nothing else."""
        return [each for each in super().readings() if self.shows(each)]

    def shows(self, reading: Reading) -> bool:
        """Tell whether a reading is this reader's own."""
        return reading.read == SECOND and reading.reader == self.initials

    def decide(self, exam: str, request: Request) -> str:
        """Do what the reader decided; an examination on which this reader has agreed with another is closed.

        Raises
        ------
        QmriError
            If it is closed, or the decision is refused.
        """
        log = [each for each in super().readings() if each.examination == exam]
        if any(shares_consensus(each, self.initials) for each in log):
            raise QmriError(
                "a consensus was reached on this examination, so it is no blinded read any more",
                remedy="qmri review without --second",
            )
        return super().decide(exam, request)

    def _path(self, exam: str) -> Path:
        return second_read_path(self.results, self.initials, exam)

    def _found(self, exam: str) -> Path | None:
        own = self._path(exam)
        return own if own.is_file() else None

    def _opened(self, exam: str) -> Opened:
        return open_with(self.results, exam, self._found(exam) or automatic_labels(self.results, exam))

    def _confirmed(self, exam: str, reader: Reader, digest: str) -> None:
        """Do nothing: the worklist is of the first read."""

    def _unconfirmed(self, exam: str, reader: Reader) -> None:
        """Do nothing, for the same reason."""

    def _is_unusable(self, exam: str) -> bool:
        said = [each.decision for each in self.readings() if each.examination == exam]
        return [word for word in said if word in ("not_usable", "usable")][-1:] == ["not_usable"]

    def _save_use(self, exam: str, request: Request, reader: Reader) -> None:
        """Do nothing: the log has it."""

    def _save_fracture(self, exam: str, level: str, request: Request, reader: Reader) -> None:
        """Do nothing: the log has it."""
