"""The page of a participant with several sessions: tables, pictures and what readers said, into one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from qmri.config import MeasureSettings
from qmri.errors import QmriError
from qmri.images.curved_plane import ras_voxel_mm, sagittal_view, to_ras
from qmri.measure.comparison.level_pair import SessionImages, pair_level
from qmri.outputs import exam_directory, file_path
from qmri.outputs.files import participant_page as page_path
from qmri.outputs.tables import read_rows
from qmri.pipeline.follow_up.visits import FollowUp, follow_ups
from qmri.pipeline.reading.readings import read_readings
from qmri.pipeline.records.whole_file import write_whole
from qmri.pipeline.stages.report import read_content
from qmri.pipeline.study.study_sheet import Study
from qmri.report.examination.examination_page import ExaminationContent
from qmri.report.examination.pictures import PDFF, grey_scale, picture_svg
from qmri.report.examination.record_words import software_in_words
from qmri.report.participant_page import Comparison, LevelPictures, SessionShown, participant_page


def write_participant_page(study: Study, results: Path, participant: str, settings: MeasureSettings) -> Path:
    """Write ``report/participants/<participant>.html`` and return its path.

    Parameters
    ----------
    study, results
        The study and its results folder, with the tables.
    participant
        participant_id of one who has several sessions.
    settings
        Of the measurement.

    Raises
    ------
    QmriError
        If the study has no such participant, or one with a single session.
    """
    if participant not in study.repeated:
        raise QmriError(
            f"the study sheet has no participant {participant} with several sessions",
            expected="a participant_id of two rows or more",
        )
    exams = {exam.session_id: exam for exam in study.repeated[participant]}
    changes = read_rows(results / "markers" / "changes.csv", participant=participant)
    visits = follow_ups(changes, read_readings(results)).get(participant, [])
    order = list(dict.fromkeys([*(visit.first for visit in visits), *(visit.session for visit in visits)]))
    order += [session for session in exams if session not in order]
    contents = {
        session: read_content(exams[session], results, settings) for session in order if session in exams
    }
    days = {visit.session: visit.days for visit in visits}
    page = participant_page(
        participant,
        [_shown(session, content, days.get(session)) for session, content in contents.items()],
        _comparisons(visits, contents),
        software_in_words(next((one.software for one in contents.values() if one.software), {})),
    )
    path = page_path(results, next(iter(exams.values())).subject)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page)
    return path


def _shown(session: str, content: ExaminationContent, days: int | None) -> SessionShown:
    page = file_path(exam_directory(Path("..", ".."), content.name, "report"), content.name, "page")
    measured = content.patient["status"] == "ok"
    failure = content.failure
    why = f"Failed at {failure.verb}: {failure.reason}" if failure else content.patient["status_reason"]
    rows = [row for row in content.vertebrae if row["status"] == "ok"]
    return SessionShown(session, page.as_posix(), "" if measured else why, rows, _pictures(content), days)


def _pictures(content: ExaminationContent) -> dict[str, str]:
    """Return the sagittal pictures of a session by title."""
    if not content.maps or content.affine is None:
        return {}
    maps = {key: to_ras(volume, content.affine) for key, volume in content.maps.items()}
    shape = maps["pdff"].shape
    labels = np.zeros(shape, np.int16) if content.labels is None else to_ras(content.labels, content.affine)
    view = sagittal_view(labels, ras_voxel_mm(content.affine))
    pictures = {"PDFF": picture_svg(maps["pdff"], labels, view, PDFF)}
    if "in_phase" in maps:
        scale = grey_scale("In phase", view.cut(maps["in_phase"]))
        pictures["In phase"] = picture_svg(maps["in_phase"], labels, view, scale)
    return pictures


def _comparisons(visits: Sequence[FollowUp], contents: Mapping[str, ExaminationContent]) -> list[Comparison]:
    found = []
    earlier: list[str] = []
    for visit in visits:
        looked_at = dict.fromkeys([*visit.candidates, *visit.confirmed])
        pairs = [pair for level in looked_at if (pair := _pair(level, visit, contents))]
        found.append(
            Comparison(
                visit.session,
                tuple(visit.changes.values()),
                {level: f"{one.detail} by {one.reader}" for level, one in visit.verdicts.items()},
                visit.waiting(earlier),
                visit.no_other.reader if visit.no_other else "",
                pairs,
            )
        )
        earlier += visit.confirmed
    return found


def _pair(level: str, visit: FollowUp, contents: Mapping[str, ExaminationContent]) -> LevelPictures | None:
    """Return the pictures of a level at the first and at a later session, None where one lacks it."""
    sides = [_images(contents[session]) for session in (visit.first, visit.session)]
    if sides[0] is None or sides[1] is None:
        return None
    pair = pair_level(sides[0], sides[1], level)
    if pair is None:
        return None
    affine = pair.grid.affine
    drawn = []
    view = None
    for place, side in ((pair.first, sides[0]), (pair.later, sides[1])):
        labels = np.nan_to_num(place(side.labels, side.affine, order=0)).astype(np.int16)
        upright = to_ras(labels, affine)
        view = view or sagittal_view(upright, ras_voxel_mm(affine))
        drawn.append(picture_svg(to_ras(place(side.pdff, side.affine), affine), upright, view, PDFF))
    return LevelPictures(level, drawn[0], drawn[1], pair.registration.doubts)


def _images(content: ExaminationContent) -> SessionImages | None:
    if "pdff" not in content.maps or content.labels is None or content.affine is None:
        return None
    return SessionImages(content.maps["pdff"], content.labels, content.affine)
