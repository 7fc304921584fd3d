"""What a folder holds: every series, what it was taken for and why, and what would be used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qmri.errors import QmriError
from qmri.ingest.folder.scan import Scan, check_one_patient, scan_files
from qmri.ingest.folder.sources import open_sources
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.identity import PatientIdentity, Relation
from qmri.ingest.headers.image_type import Verdict, judge
from qmri.ingest.headers.series_names import series_name
from qmri.ingest.pixels.decoding import check_lossless
from qmri.ingest.selection.overrides import Overrides, read_overrides
from qmri.ingest.selection.selection import Plan, make_plan


@dataclass(frozen=True)
class SeriesContent:
    """The images of one type in a series.

    Attributes
    ----------
    name
        Number and description of the series.
    shape
        Columns, rows, distinct slices, distinct echo times.
    images
        Number of images.
    verdict
        What they were taken for.
    variants
        Number of different values of (0043,1030), 1 where it tells nothing apart.
    """

    name: str
    shape: tuple[int, int, int, int]
    images: int
    verdict: Verdict
    variants: int


@dataclass(frozen=True)
class StudyContent:
    """A study of one patient.

    Attributes
    ----------
    patient
        Running number of the patient in the folder, from 1.
    series
        What it holds, in the order of the series numbers.
    plan
        What would be used; None if it would be refused.
    refusal
        Why nothing would be used.
    frames
        Its images.
    """

    patient: int
    series: tuple[SeriesContent, ...]
    plan: Plan | None
    refusal: QmriError | None
    frames: tuple[Frame, ...]


def list_folder(
    source: Path,
    overrides: Path | None = None,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Return what a folder holds, for a reader; only headers are read.

    Parameters
    ----------
    source
        Folder or zip archive of DICOM as exported.
    overrides
        The site's override file.
    workers
        Number of processes that read headers.
    progress
        Called with the number of headers read and the number of files.

    Returns
    -------
    str
        Lines by study and series: what each was taken for and why, and what would be used or refused.

    Raises
    ------
    QmriError
        If there is no such folder, or the override file cannot be read.
    """
    given = read_overrides(overrides)
    with open_sources(source) as paths:
        scan = scan_files(list(paths), workers=workers, progress=progress)
        studies = list_studies(scan, given)
    return describe(scan, studies)


def list_studies(scan: Scan, overrides: Overrides) -> list[StudyContent]:
    """Return the studies among the images of a folder, each planned on its own."""
    by_study: dict[str, list[Frame]] = defaultdict(list)
    for frame in scan.frames:
        by_study[frame.study].append(frame)
    patients: list[PatientIdentity] = []
    studies = []
    for frames in sorted(
        by_study.values(), key=lambda members: (members[0].patient.identifier, members[0].time)
    ):
        own = frames[0].patient
        number = next((i for i, known in enumerate(patients) if known.relation(own) is Relation.SAME), None)
        if number is None:
            number = len(patients)
            patients.append(own)
        plan, refusal = _planned(frames, scan, overrides)
        verdicts = plan.verdicts if plan else judge(frames, overrides)
        studies.append(StudyContent(number + 1, _contents(frames, verdicts), plan, refusal, tuple(frames)))
    return studies


def describe(scan: Scan, studies: Sequence[StudyContent], *, as_one: bool = True) -> str:
    """Return the listing as text; ``as_one`` tells whether the folder would do as one examination."""
    kinds = {
        "image": "MR image files",
        "other": "other DICOM",
        "damaged": "damaged DICOM",
        "foreign": "no DICOM",
    }
    counts = [f"{scan.files[kind]} {name}" for kind, name in kinds.items() if scan.files.get(kind)]
    copies = sum(len(frames) for frames in scan.copies.values())
    more = f", {copies} images more than once" if copies else ""
    lines = ["files: " + (", ".join(counts) or "none") + more]
    if scan.damage:
        lines.append("damage: " + "; ".join(scan.damage))
    lines += [f"note: {warning}" for warning in scan.warnings]
    try:
        check_one_patient(scan)
    except QmriError as error:
        if as_one:
            lines.append(f"refused as one examination: {error.problem}")
    for number, study in enumerate(studies, start=1):
        lines += ["", f"study {number}, patient {study.patient}"]
        lines += [line for content in study.series for line in _series_lines(content)]
        if study.plan is not None:
            lines.append("  would be used: " + _used(study.plan))
            lines += [f"  note: {warning}" for warning in study.plan.warnings]
        elif study.refusal is not None:
            lines.append("  would be refused: " + str(study.refusal).replace("\n", "\n  "))
    return "\n".join(lines) + "\n"


def _planned(
    frames: Sequence[Frame], scan: Scan, overrides: Overrides
) -> tuple[Plan | None, QmriError | None]:
    alone = replace(scan, frames=tuple(frames), patients=())
    try:
        plan = make_plan(alone, overrides)
        for frame in [*(plan.echoes.frames if plan.echoes else ()), *(plan.maps.frames if plan.maps else ())]:
            check_lossless(frame)
    except QmriError as error:
        return None, error
    return plan, None


def _contents(frames: Sequence[Frame], verdicts: Mapping[Frame, Verdict]) -> tuple[SeriesContent, ...]:
    groups: dict[tuple[str, Verdict], list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.series, verdicts[frame]].append(frame)
    contents = []
    for (_, verdict), members in sorted(groups.items(), key=_order):
        first = members[0]
        depths = {round(frame.plane.depth, 2) for frame in members if frame.plane}
        times = {round(frame.echo_time_ms, 3) for frame in members if frame.echo_time_ms is not None}
        shape = first.pixels.columns, first.pixels.rows, len(depths), len(times)
        variants = {frame.hints.ge_variant for frame in members}
        doubled = len(members) > max(len(depths), 1) * max(len(times), 1)
        contents.append(
            SeriesContent(series_name(first), shape, len(members), verdict, len(variants) if doubled else 1)
        )
    return tuple(contents)


def _order(group: tuple[tuple[str, Verdict], list[Frame]]) -> tuple[int, str, str]:
    (series, verdict), members = group
    return members[0].series_number or 0, series, verdict.kind.value if verdict.kind else ""


def _series_lines(content: SeriesContent) -> list[str]:
    columns, rows, slices, echoes = content.shape
    echo_text = f", {echoes} echo times" if echoes > 1 else ""
    size = f"{content.images} images, {columns} x {rows}, {slices} positions{echo_text}"
    verdict = content.verdict
    taken = "contradictory" if verdict.conflict else verdict.kind.value if verdict.kind else "not known"
    why = "; ".join(verdict.evidence) or "no header says it"
    lines = [f"  {content.name}: {size}", f"      taken for: {taken} ({why})"]
    if content.variants > 1:
        lines.append(f"      holds {content.variants} volumes that only (0043,1030) tells apart")
    return lines


def _used(plan: Plan) -> str:
    parts = []
    if plan.echoes is not None:
        kinds = " and ".join(kind.value for kind in plan.echoes.used_kinds)
        parts.append(f"{len(plan.echoes.echo_times_ms)} echoes ({kinds})")
    if plan.maps is not None:
        parts.append("maps (" + ", ".join(sorted(kind.value for kind in plan.maps.images)) + ")")
    return " and ".join(parts)
