"""An account of the images that were not used, so that none is forgotten in silence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from qmri.ingest.folder.scan import Scan
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.image_type import Verdict
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.headers.series_names import series_number
from qmri.ingest.selection.echo_set import FEWEST_ECHOES


def account(
    frames: Sequence[Frame],
    used: Sequence[Frame],
    verdicts: Mapping[Frame, Verdict],
    stacks: Mapping[Frame, int],
) -> tuple[tuple[Mapping[str, object], ...], tuple[str, ...]]:
    """Return the series with images that were not used, for the record, and what a reader must know of them.

    What lies elsewhere and is no map or echo, such as the other sequences of an examination, is only
    recorded. Reported are images of no known type that lie where the used ones do, echoes of no known type
    wherever they lie, and maps that were not joined because they lie elsewhere.
    """
    chosen, places = set(used), {stacks.get(frame) for frame in used}
    left: dict[tuple[str, Kind | None], list[Frame]] = defaultdict(list)
    for frame in frames:
        if frame not in chosen:
            left[frame.series, verdicts[frame].kind].append(frame)
    record, warnings = [], []
    for (_, kind), members in sorted(left.items(), key=_order):
        first = members[0]
        times = {frame.echo_time_ms for frame in members}
        here = any(stacks.get(frame) in places for frame in members)
        record.append(
            {
                "series_number": first.series_number,
                "type": kind.value if kind else None,
                "images": len(members),
                "echo_times": len(times),
                "in_the_place_of_what_was_used": here,
            }
        )
        name = f"{len(members)} images of {series_number(first)}"
        if kind is None and not verdicts[first].conflict and (here or len(times) >= FEWEST_ECHOES):
            echoes = f" with {len(times)} echo times" if len(times) > 1 else ""
            warnings.append(
                f"{name}{echoes} were left out: ImageType (0008,0008), (0043,102F) and the description do "
                "not say what they show, as after de-identification; an override file can"
                + (f": type: {turns}" if (turns := suggested_turns(members)) else "")
            )
        elif kind is not None and kind.is_map and not here:
            lacking = "; ".join(counted_notes([frame for frame in members if frame.plane is None]))
            warnings.append(
                f"{name} ({kind.value}) were left out: "
                + (
                    lacking
                    or "StudyInstanceUID, FrameOfReferenceUID, ImagePositionPatient, "
                    "ImageOrientationPatient, PixelSpacing, Rows or Columns are not those of the images used"
                )
            )
    return tuple(record), tuple(warnings)


def counted_notes(frames: Sequence[Frame]) -> list[str]:
    """Return what is odd in headers, each with the number of images."""
    notes = Counter(note for frame in frames for note in frame.notes)
    return [f"{note}, in {count} image{'s' * (count > 1)}" for note, count in sorted(notes.items())]


def scan_warnings(scan: Scan, used: Sequence[Frame]) -> list[str]:
    """Return what a reader must know of the files of a folder and of the images that are used."""
    warnings = [f"left out as damaged: {reason}" for reason in scan.damage]
    if scan.copies:
        count = sum(len(frames) for frames in scan.copies.values())
        warnings.append(f"{count} images were there more than once and were used once")
    return [*scan.warnings, *warnings, *counted_notes(used)]


def suggested_turns(frames: list[Frame]) -> str:
    """Return the types that the echoes of a series may show in turn; empty if it has no echoes."""
    times = {frame.echo_time_ms for frame in frames}
    places = {(frame.echo_time_ms, round(frame.plane.depth, 2)) for frame in frames if frame.plane}
    if len(times) < FEWEST_ECHOES or not places:
        return ""
    turns = {1: "magnitude", 2: "[real, imaginary]", 3: "[magnitude, real, imaginary]"}
    suggested = turns.get(len(frames) // len(places), "")
    return f"{suggested}   # if that is their order by instance number" if suggested else ""


def _order(entry: tuple[tuple[str, Kind | None], list[Frame]]) -> tuple[int, str, str]:
    (series, kind), members = entry
    return members[0].series_number or 0, series, kind.value if kind else ""
