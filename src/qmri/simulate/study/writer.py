"""Write a digital reference study: the DICOM, the study sheet, and the truth beside them."""

from __future__ import annotations

import csv
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from qmri.errors import QmriError
from qmri.images.nifti import Volume, write_volume
from qmri.pipeline.study.study_sheet import OPTIONAL, REQUIRED
from qmri.simulate.dicom.ge_dicom import write_files
from qmri.simulate.dicom.identities import write_planted
from qmri.simulate.study.corrupted import CORRUPTIONS, write_corrupted
from qmri.simulate.study.muscle_truth import TrueMuscle, true_muscles
from qmri.simulate.study.simulated_examination import FAT_MODEL, Simulated, images, simulate_examination
from qmri.simulate.study.study_plan import ExamPlan, StudyOptions, plan_patient, plan_study
from qmri.simulate.study.truth import ExamTruth, TrueVertebra, true_vertebrae, write_rows
from qmri.spine.tissue_labels import TISSUE_NAME

log = logging.getLogger(__name__)

SEED_SPREAD_MM = 1.5
SEED_LIMIT_MM = 2.0

README = """\
# A digital reference study

Simulated spines of known truth, written as a GE scanner writes IDEAL-IQ. No person was imaged: every
name, date and identifier in the headers is invented, so that a search for leaks has something to find.

Made by `{command}`; the same command gives the same bytes.

| file | content |
|---|---|
| `study.csv` | the study sheet for `qmri run` |
| `dicom/` | one folder of DICOM for each examination |
| `seeds/` | a point in each vertebral body, RAS+ mm |
| `truth/truth.csv` | medians of PDFF and R2* in the eroded bodies, heights, fractures |
| `truth/examinations.csv` | form of export of each examination, and what is wrong with it |
| `truth/muscles.csv` | cross-section, volume, PDFF and share in view of the muscles at each level |
| `truth/*_ses-*_dseg.nii.gz` | true label maps of the bodies |
| `truth/*_desc-tissue_dseg.nii.gz` | true label maps of canal, discs and muscles |
| `truth/*_PDFFmap.nii.gz`, `*_R2starmap.nii.gz` | what a perfect fit without noise would find |
| `truth/planted_identifiers.csv` | what must appear in no output |
"""


def simulate_study(directory: Path, options: StudyOptions, command: str, *, corrupted: int = 0) -> None:
    """Write a study into a new folder.

    Parameters
    ----------
    directory
        Must be absent or empty.
    options
        What is simulated.
    command
        The command line that makes the same study again, for the README.
    corrupted
        Number of further examinations that no pipeline can use.

    Raises
    ------
    QmriError
        If the folder holds something, or no vertebral body is in view. Nothing is written then.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise QmriError(
            "the folder for the study is not empty",
            where=directory.name,
            remedy="give a new folder, or empty this one: files of two studies must not mix",
        )
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as staging:
        made = Path(staging) / "study"
        _write_study(made, options, command, corrupted)
        if directory.exists():
            directory.rmdir()
        made.rename(directory)
    log.info("study sheet: %s", directory / "study.csv")


def _write_study(directory: Path, options: StudyOptions, command: str, corrupted: int) -> None:
    truth = directory / "truth"
    truth.mkdir(parents=True)
    sheet: list[dict[str, str]] = []
    vertebrae: list[TrueVertebra] = []
    muscles: list[TrueMuscle] = []
    exams: list[ExamTruth] = []
    people = {}
    for plan in plan_study(options):
        simulated = simulate_examination(plan)
        count = write_files(directory / _dicom_dir(plan), images(simulated), plan.form, plan.rng("files"))
        vertebrae += _write_truth_maps(truth, simulated)
        muscles += _muscles(simulated)
        sheet.append(_sheet_row(plan) | _anchor(directory, simulated))
        exams.append(ExamTruth.of(plan, simulated.hazard_levels))
        people[plan.exam] = plan.registration
        log.info("%s: %d DICOM files (%s)", plan.exam, count, plan.form)
    for number in range(corrupted):
        plan = plan_patient(options.patients + 1 + number, replace(options, hazards=("none",)))
        kind = CORRUPTIONS[number % len(CORRUPTIONS)]
        write_corrupted(directory / _dicom_dir(plan), plan, kind)
        sheet.append(_sheet_row(plan) | {"lowest_level": "L5"})
        exams.append(ExamTruth.of(plan, (), corrupted=kind))
        people[plan.exam] = plan.registration
        log.info("%s: corrupted (%s)", plan.exam, kind)
    write_rows(truth / "truth.csv", vertebrae)
    write_rows(truth / "muscles.csv", muscles)
    write_rows(truth / "examinations.csv", exams)
    write_planted(truth / "planted_identifiers.csv", people)
    _write_sheet(directory / "study.csv", sheet)
    (directory / "README.md").write_text(README.format(command=command), encoding="utf-8")


def _write_truth_maps(directory: Path, simulated: Simulated) -> list[TrueVertebra]:
    plan, truth, grid = simulated.plan, simulated.truth, simulated.grid
    labels = Volume(simulated.rendering.labels, grid.affine)
    write_volume(directory / f"{plan.exam}_dseg.nii.gz", labels, dtype=np.uint8)
    tissues = labels.like(simulated.rendering.tissues)
    names = {"Labels": {str(number): name for number, name in TISSUE_NAME.items()}}
    path = directory / f"{plan.exam}_desc-tissue_dseg.nii.gz"
    write_volume(path, tissues, dtype=np.uint8, sidecar=names)
    for suffix, unit, values in (("PDFFmap", "percent", truth.pdff), ("R2starmap", "1/s", truth.r2star)):
        rounded = labels.like(np.rint(values * 10.0) / 10.0)
        sidecar = {"Units": unit, "Description": "truth without noise", "FatModel": FAT_MODEL}
        write_volume(directory / f"{plan.exam}_{suffix}.nii.gz", rounded, dtype=np.float32, sidecar=sidecar)
    status = dict.fromkeys(plan.old_levels, "old")
    status |= dict.fromkeys(plan.acute_levels, "acute")
    status |= dict.fromkeys(plan.treated_levels, "treated_target")
    key = (plan.participant_id, plan.session_id)
    return true_vertebrae(key, simulated.spine, grid, simulated.rendering.labels, truth, status=status)


def _muscles(simulated: Simulated) -> list[TrueMuscle]:
    key = (simulated.plan.participant_id, simulated.plan.session_id)
    return true_muscles(key, simulated.spine, simulated.grid, simulated.rendering)


def _sheet_row(plan: ExamPlan) -> dict[str, str]:
    return {
        "participant_id": plan.participant_id,
        "session_id": plan.session_id,
        "dicom_dir": _dicom_dir(plan).as_posix(),
        "treated_levels": ";".join(plan.treated_levels),
        "acute_levels": ";".join(plan.acute_levels),
        "old_levels": ";".join(plan.old_levels),
    }


def _anchor(directory: Path, simulated: Simulated) -> dict[str, str]:
    """Return the cells of the sheet that anchor the levels, writing a file of seeds where it is due."""
    plan = simulated.plan
    if plan.anchor == "lowest_level":
        return {"lowest_level": simulated.spine.bodies[-1].level}
    path = Path("seeds") / f"{plan.participant_id}_{plan.session_id}.csv"
    _write_seeds(directory / path, simulated)
    return {"seeds": path.as_posix()}


def _write_seeds(path: Path, simulated: Simulated) -> None:
    """Write one point near the centre of each body in view, as a person would set them."""
    path.parent.mkdir(exist_ok=True)
    rng = simulated.plan.rng("seeds")
    last = np.array(simulated.grid.shape) - 1
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("level", "x_mm", "y_mm", "z_mm"))
        for body in simulated.spine.bodies:
            offset = np.clip(rng.normal(0.0, SEED_SPREAD_MM, 3), -SEED_LIMIT_MM, SEED_LIMIT_MM)
            index = simulated.grid.to_index(body.centre_mm + offset)
            if np.all(index >= 0) and np.all(index <= last):
                writer.writerow((body.level, *(f"{value:.1f}" for value in body.centre_mm + offset)))


def _write_sheet(path: Path, rows: Sequence[dict[str, str]]) -> None:
    columns = [name for name in REQUIRED + OPTIONAL if any(name in row for row in rows)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _dicom_dir(plan: ExamPlan) -> Path:
    """Return a folder named after the patient, as archives do it: a path that must not leak."""
    who = plan.registration
    return Path("dicom") / f"{who.name.replace('^', '_')}_{who.identifier}_{who.study_date}"
