"""Which examinations a reader should look at first, and which have been looked at.

The need of an examination is the number of its levels that are expected to be wrong: for each body
the chance that its name or its outline is, added up.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from qmri.config import USUAL_EXPECTED
from qmri.errors import QmriError
from qmri.outputs import exam_directory, file_path
from qmri.outputs.files import VERBS
from qmri.outputs.tables import read_rows
from qmri.pipeline.reading.readings import check_reader
from qmri.pipeline.reading.saved import Saved, find_saved, saved_digest
from qmri.pipeline.records.decisions import SegmentDecisions
from qmri.pipeline.records.ledger import examinations_of, require_result
from qmri.pipeline.records.models import Record, SegmentRecord
from qmri.pipeline.records.record_files import read_records
from qmri.segment.label_table import LabelledBody, read_table

FOLDER, LIST_FILE, DONE_FILE = "worklist", "worklist.csv", "done.csv"
DONE_COLUMNS = ("examination", "by", "labels_sha256")
# A flag is right about as often as it is not; names without a probability are a guess.
FLAGGED_CHANCE = 0.5
UNKNOWN_NAMES_CHANCE = 0.5
ORDER = ("no_images", "look", "unfinished", "corrected", "done")


@dataclass(frozen=True)
class Entry:
    """One row of the worklist.

    Attributes
    ----------
    examination
        Its name.
    state
        ``look``; ``corrected`` by a reader; ``done``: ticked off, and the label map is still the same;
        ``unfinished``: not segmented yet; ``no_images``: failed before the segmentation.
    need_levels
        Levels expected to be wrong.
    levels, flagged
        Number of bodies, and of those with a flag.
    levels_verified
        1 if the names are certain, else 0.
    least_confidence
        Lowest confidence of a body, 0-1; empty where there is none.
    why
        What to look at.
    done_by
        Initials of the reader who ticked it off.
    sheet
        The picture to look at, relative to the results folder.
    failed_at
        Stage at which the examination failed; empty where it did not.
    """

    examination: str
    state: str
    need_levels: float
    levels: int = 0
    flagged: int = 0
    levels_verified: int = 0
    least_confidence: str = ""
    why: str = ""
    done_by: str = ""
    sheet: str = ""
    failed_at: str = ""

    @property
    def place(self) -> tuple[bool, bool, int, float, str]:
        """What the list is sorted by: failed examinations lead, those that were ticked off end it."""
        return (
            self.state == "done",
            not self.failed_at,
            ORDER.index(self.state),
            -self.need_levels,
            self.examination,
        )


def make_worklist(results: Path, exams: Sequence[str] | None = None) -> list[Entry]:
    """Return the examinations of a results folder: failed ones first, then by need."""
    names = list(exams) if exams is not None else examinations_of(results)
    ticks = read_done(results)
    entries = [_entry(results, exam, ticks.get(exam)) for exam in names]
    return sorted(entries, key=lambda entry: entry.place)


def write_worklist(results: Path, exams: Sequence[str] | None = None) -> list[Entry]:
    """Write ``worklist/worklist.csv`` in a results folder and return its rows."""
    entries = make_worklist(results, exams)
    path = results / FOLDER / LIST_FILE
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["rank", *(field.name for field in fields(Entry))])
        table.writerows([rank, *astuple(entry)] for rank, entry in enumerate(entries, start=1))
    return entries


def tick_off(results: Path, exam: str, by: str) -> None:
    """Record that a reader has looked at the label map that an examination has now.

    Raises
    ------
    QmriError
        If the examination has no label map, or ``by`` is not a reader's initials.
    """
    check_reader(by, "--by")
    labels = _labels_sha256(require_result(results, exam, SegmentRecord), exam)
    if labels is None:
        raise QmriError(f"{exam} has no label map that could have been looked at")
    tick_labels(results, exam, by, labels)


def tick_labels(results: Path, exam: str, by: str, labels_sha256: str) -> None:
    """Record that a reader has looked at the label map that an examination has or is about to get.

    An empty checksum takes the tick back.
    """
    path = results / FOLDER / DONE_FILE
    path.parent.mkdir(exist_ok=True)
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        if is_new:
            table.writerow(DONE_COLUMNS)
        table.writerow([exam, by, labels_sha256])


def read_done(results: Path) -> dict[str, dict[str, str]]:
    """Return the last tick of each examination; one that was taken back has no checksum, and is left out."""
    path = results / FOLDER / DONE_FILE
    if not path.is_file():
        return {}
    last = {row["examination"]: row for row in read_rows(path)}
    return {exam: row for exam, row in last.items() if row["labels_sha256"] not in ("", "n/a")}


def _entry(results: Path, exam: str, tick: Mapping[str, str] | None) -> Entry:
    records = read_records(results, exam)
    failure = records.failure
    failed_at = failure.failed_stage if failure else ""
    failed = f"failed at {failed_at}: {failure.reason}" if failure else ""
    directory = exam_directory(results, exam, "segment")
    try:
        saved = find_saved(directory, exam)
    except QmriError as error:  # one examination's correction is no reason to have no list
        return Entry(exam, "look", float(len(USUAL_EXPECTED)), why=error.reason, failed_at=failed_at)
    if saved.unusable is not None:
        refused = f"not usable: {saved.unusable.Reason}"
        return Entry(exam, "done", 0.0, why=refused, failed_at=failed_at, done_by=saved.unusable.Reader)
    if failed_at in VERBS[: VERBS.index("segment") + 1]:
        state = "look" if failed_at == "segment" else "no_images"
        return Entry(exam, state, float(len(USUAL_EXPECTED)), why=failed, failed_at=failed_at)
    record = records.of(SegmentRecord)
    if record is None:
        return Entry(exam, "unfinished", 0.0, why="not segmented yet")
    table = file_path(directory, exam, "labels_table")
    if not table.is_file():
        return Entry(exam, "unfinished", 0.0, why=f"{table.name} is missing")
    bodies = read_table(table)
    decisions = record.decisions
    ticked = tick is not None and tick["labels_sha256"] in _labels_sha256s(record, saved, exam)
    flagged = [body for body in bodies if body.flags]
    confidences = [body.confidence for body in bodies if body.confidence is not None]
    why = [*decisions.naming_doubts, *_findings(flagged)]
    if tick is not None and not ticked:
        why.insert(0, f"the labels have changed since {tick['by']} looked")
    if failed_at:
        why.insert(0, failed)
    state = "done" if ticked else "corrected" if decisions.reader else "look"
    sheet = file_path(directory, exam, "sheet")
    return Entry(
        examination=exam,
        state=state,
        need_levels=need(bodies, _names_chance(decisions)),
        levels=len(bodies),
        flagged=len(flagged),
        levels_verified=int(decisions.levels_verified),
        least_confidence=f"{min(confidences):.3f}" if confidences else "",
        why=" | ".join(why),
        done_by=tick["by"] if ticked and tick else "",
        sheet=sheet.relative_to(results).as_posix() if sheet.is_file() else "",
        failed_at=failed_at,
    )


def _findings(bodies: Sequence[LabelledBody]) -> list[str]:
    """Return what was found of the bodies, each finding once with all its levels."""
    levels: dict[str, list[str]] = {}
    for body in bodies:
        for flag in body.flags:
            levels.setdefault(flag.evidence, []).append(body.name)
    return [f"{', '.join(names)}: {words}" for words, names in levels.items()]


def need(bodies: Sequence[LabelledBody], names_wrong: float) -> float:
    """Return the expected number of levels whose name or outline is wrong.

    Parameters
    ----------
    bodies
        The bodies with their confidence, None where a reader drew them, and their flags.
    names_wrong
        Chance in [0, 1] that the numbering is wrong.
    """
    total = 0.0
    for body in bodies:
        outline = 0.0 if body.confidence is None else 1 - body.confidence
        if body.flags:
            outline = max(outline, FLAGGED_CHANCE)
        total += 1 - (1 - names_wrong) * (1 - outline)
    return round(total, 2)


def _names_chance(decisions: SegmentDecisions) -> float:
    if decisions.levels_verified:
        return 0.0
    probability = decisions.naming_probability
    return UNKNOWN_NAMES_CHANCE if probability is None else 1 - probability


def _labels_sha256s(record: Record, saved: Saved, exam: str) -> tuple[str | None, ...]:
    """Return the checksums of the label map that was recorded, and of a correction that no run has taken yet.

    A correction that `qmri review` saved has the bytes of the label map that a run makes of it.
    """
    return _labels_sha256(record, exam), saved_digest(saved.labels) if saved.labels else None


def _labels_sha256(record: Record, exam: str) -> str | None:
    return record.outputs.get(file_path(Path(), exam, "labels").name)
