"""The examinations that are open: the one that is read, the one before, and the next, opened ahead."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from qmri.errors import QmriError
from qmri.review.draft import Draft
from qmri.segment.reader.one_body import Prepared, prepare

OPEN_AT_ONCE = 4


class OpenDrafts:
    """A few open examinations. Its methods may be called from several threads.

    Parameters
    ----------
    make
        Opens an examination by its name.
    found
        The correction of an examination that lies there now; where another program has saved one since an
        examination was opened, it is opened anew.
    """

    def __init__(self, make: Callable[[str], Draft], found: Callable[[str], Path | None]) -> None:
        self._make, self._found = make, found
        self._drafts: OrderedDict[str, Draft] = OrderedDict()
        self._prepared: dict[str, Prepared] = {}
        self._lock = threading.Lock()
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="open ahead")

    def draft(self, exam: str) -> Draft:
        """Return an examination, opened if it is not.

        Raises
        ------
        QmriError
            If it has no images.
        """
        with self._lock:
            if exam in self._drafts and self._drafts[exam].is_of(self._found(exam)):
                self._drafts.move_to_end(exam)
                return self._drafts[exam]
            self._drafts.pop(exam, None)
        made = self._make(exam)
        with self._lock:
            draft = self._drafts.setdefault(exam, made)
            self._drafts.move_to_end(exam)
            while len(self._drafts) > OPEN_AT_ONCE:
                closed, _ = self._drafts.popitem(last=False)
                self._prepared.pop(closed, None)
            return draft

    def prepared(self, exam: str) -> Prepared:
        """Return what a cut in an examination needs, made at first use.

        Raises
        ------
        QmriError
            If it has no images.
        """
        with self._lock:
            if exam in self._prepared:
                return self._prepared[exam]
        made = prepare(self.draft(exam).opened.images)
        with self._lock:
            return self._prepared.setdefault(exam, made)

    def prepare_ahead(self, exam: str) -> None:
        """Open an examination in the background, and prepare it for cuts."""
        self._ahead.submit(_told_later, self.prepared, exam)

    def open_first(self, exams: Iterable[str]) -> None:
        """Open in the background the first of some examinations that has images."""
        self._ahead.submit(lambda: any(_told_later(self.draft, exam) for exam in exams))

    def close(self) -> None:
        """End the background work."""
        self._ahead.shutdown(wait=False, cancel_futures=True)


def _told_later(work: Callable[[str], object], exam: str) -> bool:
    """Do some work ahead of time; what refuses it is told when the examination is opened."""
    try:
        work(exam)
    except QmriError:
        return False
    return True
