"""Ids of a study sheet that a spreadsheet or a hand may have written in two ways."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qmri.pipeline.study.study_sheet import Examination


def alike(exams: Sequence[Examination]) -> Iterator[str]:
    """Yield a sentence on ids that differ in leading zeros or in capitals alone."""
    for name in ("participant_id", "session_id"):
        ways: dict[str, set[str]] = defaultdict(set)
        for exam in exams:
            written = getattr(exam, name)
            ways[re.sub(r"(?<!\d)0+(?=\d)", "", written.casefold())].add(written)
        for same in ways.values():
            if len(same) > 1:
                yield f"{name} {' and '.join(sorted(same))} count as different: are they the same?"
