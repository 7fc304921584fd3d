"""Two reads of one examination side by side, and the consensus that takes the place of the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.config import Config, read_config
from qmri.errors import QmriError
from qmri.images.nifti import read_volume
from qmri.images.upright import upright
from qmri.pipeline.reading.reader_agreement import compare_reads
from qmri.pipeline.reading.readings import FIRST, SECOND, Reading, by_examination
from qmri.pipeline.reading.second_read import (
    Verdict,
    consensus_detail,
    first_verdict,
    fractures_said,
    keep_first_read,
    second_reads,
    second_verdict,
    settled,
)
from qmri.review.decisions import Request
from qmri.review.desk import Desk
from qmri.review.examination import centres

FIRST_ALONE, SECOND_ALONE, BOTH = 1, 2, 3
"""Values of the outlines of two readers."""
Labels = NDArray[np.int16]


def waiting(desk: Desk, exams: Sequence[str]) -> dict[str, list[str]]:
    """Return the second readers of those examinations that both have read and no consensus has settled."""
    readings, wanted = desk.readings(), set(exams)
    of_exam = by_examination(readings)
    found: dict[str, list[str]] = {}
    for reader, exam in second_reads(desk.results, readings):
        said = of_exam[exam]
        if exam in wanted and not settled(said, exam, reader) and _verdicts(desk, said, exam, reader):
            found.setdefault(exam, []).append(reader)
    return found


def consensus_told(desk: Desk, exam: str, reader: str) -> dict[str, Any]:
    """Return in what two readers of an examination differ.

    Raises
    ------
    QmriError
        If one of them has not read it, or their reads cannot be compared.
    """
    frozen = desk.results / "config.yaml"
    config = read_config(frozen) if frozen.is_file() else Config()
    compared = compare_reads(desk.results, desk.readings(), desk.require(exam), reader, config.measure)
    if isinstance(compared, str):
        raise QmriError(f"there are no two reads to compare: {compared}")
    rows = compared.disagreements(config.review.least_dice, config.review.height_mm)
    names = [(body.pair.first, body.pair.second) for body in compared.bodies]
    words = ("what", "first_level", "second_level", "first", "second", "difference", "limit", "unit")
    return {
        "exam": exam,
        "first_reader": compared.first_reader,
        "second_reader": reader,
        "rows": [{word: row.get(word) for word in words} for row in rows],
        "bodies": _names(desk, exam, reader, names),
    }


def both_outlines(desk: Desk, exam: str, reader: str) -> bytes:
    """Return the outlines of two readers as the page has labels: 1 the first's, 2 the second's, 3 both.

    Raises
    ------
    QmriError
        If one of them has not read the examination.
    """
    opened = desk.draft(exam).opened
    maps = [
        upright(labels, opened.images.affine)
        for labels in _label_maps(desk, exam, reader, opened.labels.shape)
    ]
    return outlines(maps[0], maps[1]).tobytes(order="F")


def outlines(first: Labels, second: Labels) -> NDArray[np.uint8]:
    """Return the sagittal outlines of two label maps (x, y, z), axes along R, A, S: 1, 2, and 3 for both."""
    rims = _rim(first), _rim(second)
    return (FIRST_ALONE * rims[0] + SECOND_ALONE * rims[1]).astype(np.uint8)


def settle(desk: Desk, exam: str, reader: str, take: str) -> None:
    """Make a read, or the labels as they are edited now, the ones that count.

    Parameters
    ----------
    desk
        At which the readers sit together.
    exam, reader
        The examination, and the second reader.
    take
        ``first``, ``second`` or ``edited``.

    Raises
    ------
    QmriError
        If one of them has not read the examination, or nobody is named as the reader.
    """
    readings = desk.readings()
    verdicts = _verdicts(desk, readings, desk.require(exam), reader)
    if verdicts is None:
        raise QmriError("a consensus needs two reads that their readers confirmed")
    keep_first_read(desk.results, readings, exam)
    detail = consensus_detail(take, (verdicts[0].reader, reader))
    if take == "edited":
        desk.settle(exam, desk.draft(exam).labels, detail)
        return
    side = ("first", "second").index(take)
    if not verdicts[side].usable:
        desk.settle(exam, None, detail)
        return
    shape = desk.draft(exam).opened.labels.shape
    desk.settle(exam, _label_maps(desk, exam, reader, shape)[side], detail)
    said = fractures_said(readings, exam, FIRST), fractures_said(readings, exam, SECOND, reader)
    for level in sorted(said[0].keys() & said[1].keys()):
        if said[0][level] != said[1][level] and desk.sheet is not None:
            kinds = [] if said[side][level] == "none" else said[side][level].split()
            desk.decide(
                exam, Request.model_validate({"decision": "fracture", "level": level, "kinds": kinds})
            )


def _verdicts(desk: Desk, readings: list[Reading], exam: str, reader: str) -> tuple[Verdict, Verdict] | None:
    first = first_verdict(desk.results, readings, exam)
    second = second_verdict(desk.results, readings, exam, reader)
    return None if isinstance(first, str) or isinstance(second, str) else (first, second)


def _label_maps(desk: Desk, exam: str, reader: str, shape: tuple[int, ...]) -> tuple[Labels, Labels]:
    """Return the label maps (x, y, z) of both readers; empty where one calls the examination not usable."""
    verdicts = _verdicts(desk, desk.readings(), exam, reader)
    if verdicts is None:
        raise QmriError("a consensus needs two reads that their readers confirmed")
    first, second = (_labels(verdict.labels, shape) for verdict in verdicts)
    return first, second


def _labels(path: Path | None, shape: tuple[int, ...]) -> Labels:
    return np.zeros(shape, np.int16) if path is None else read_volume(path).data.astype(np.int16)


def _rim(labels: Labels) -> NDArray[np.bool_]:
    """Return the voxels of bodies (x, y, z) that have another label beside them in the sagittal plane."""
    wide = np.pad(labels, ((0, 0), (1, 1), (1, 1)))
    inner = np.ones(labels.shape, bool)
    for axis, step in ((1, 1), (1, -1), (2, 1), (2, -1)):
        inner &= np.roll(wide, step, axis)[:, 1:-1, 1:-1] == labels
    return (labels > 0) & ~inner


def _names(
    desk: Desk, exam: str, reader: str, names: Sequence[tuple[str | None, str | None]]
) -> list[dict[str, Any]]:
    """Return the name of each body by both readers, and where it stands (RAS+ mm)."""
    opened = desk.draft(exam).opened
    maps = _label_maps(desk, exam, reader, opened.labels.shape)
    where = [centres(labels, opened.images.affine) for labels in maps]
    return [
        {
            "first": first,
            "second": second,
            "centre": where[0][first] if first else where[1][second or ""],
        }
        for first, second in names
    ]
