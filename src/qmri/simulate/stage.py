"""Write a digital reference study: the DICOM, the study sheet, and the truth beside them."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from qmri.errors import QmriError
from qmri.levels import LEVEL_ID
from qmri.signal import WaterFatModel
from qmri.simulate.anatomy import Rendering, Spine, draw_spine, render
from qmri.simulate.dicom import echo_images, legacy_maps, new_style_maps, write_files
from qmri.simulate.geometry import Grid, sagittal_grid
from qmri.simulate.headers import Scan
from qmri.simulate.people import write_planted
from qmri.simulate.physics import Truth, draw_marrow, voxel_truth
from qmri.simulate.plan import PatientPlan, StudyOptions, plan_study
from qmri.simulate.receive import coil_sensitivity, complex_noise, received_echoes, scanner_maps
from qmri.simulate.truth import TrueVertebra, true_vertebrae, write_truth
from qmri.study import OPTIONAL, REQUIRED, exam_name
from qmri.volumes import Volume, write_volume

log = logging.getLogger(__name__)

FAT_MODEL = "ren9"
FRACTION_STEP = 2.0**-12
BELOW_LOWEST_BODY_MM = 62.0
BEHIND_SPINE_MM = 85.0
SEED_SPREAD_MM = 1.5
# One stream of random numbers for each part, so that a change of one leaves the others alone.
STREAMS = ("anatomy", "marrow", "texture", "coil", "noise", "files", "seeds")


@dataclass(frozen=True)
class Simulated:
    """An examination in memory."""

    plan: PatientPlan
    spine: Spine
    grid: Grid
    rendering: Rendering
    truth: Truth


def simulate_study(directory: Path, options: StudyOptions, command: str) -> None:
    """Write a study into a new folder.

    Parameters
    ----------
    directory
        Must be absent or empty.
    options
        What is simulated.
    command
        The command line that makes the same study again, for the README.

    Raises
    ------
    QmriError
        If the folder holds something.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise QmriError(
            "the folder for the study is not empty",
            where=directory.name,
            remedy="give a new folder, or empty this one: files of two studies must not mix",
        )
    (directory / "truth").mkdir(parents=True)
    sheet, rows, registrations = [], [], {}
    for plan in plan_study(options):
        exam = exam_name(plan.participant_id, plan.session_id)
        simulated = simulate_anatomy(plan, options.seed)
        count = _write_images(directory / _dicom_dir(plan), simulated, options)
        rows += _write_truth_maps(directory / "truth", simulated)
        sheet.append(_sheet_row(directory, simulated, options.seed))
        registrations[exam] = plan.registration
        log.info("%s: %d DICOM files (%s)", exam, count, plan.form)
    write_truth(directory / "truth" / "truth.csv", rows)
    write_planted(directory / "truth" / "planted_identifiers.csv", registrations)
    _write_sheet(directory / "study.csv", sheet)
    (directory / "README.md").write_text(_readme(command), encoding="utf-8")


def simulate_anatomy(plan: PatientPlan, seed: int) -> Simulated:
    """Draw the spine of a plan, place the slab on it, and compute what a perfect fit would find."""
    spine = draw_spine(_rng(seed, plan, "anatomy"), plan.recipe)
    grid = _slab(plan, spine)
    through_plane = max(1, round(plan.slice_mm / plan.pixel_mm * 2))
    rendering = render(spine, grid.affine, grid.shape, supersample=(2, 2, through_plane))
    # Coarser than the last bits of float32, so that every processor makes the same study.
    fractions = {
        tissue: np.rint(share / FRACTION_STEP).astype(np.float32) * np.float32(FRACTION_STEP)
        for tissue, share in rendering.fractions.items()
    }
    rendering = Rendering(fractions, rendering.labels, rendering.body)
    levels = tuple(body.level for body in spine.bodies)
    truth = voxel_truth(
        spine,
        rendering,
        grid,
        draw_marrow(levels, plan.age, _rng(seed, plan, "marrow")),
        field_t=plan.protocol.field_t,
        imaging_frequency_mhz=plan.protocol.imaging_frequency_mhz,
        rng=_rng(seed, plan, "texture"),
    )
    return Simulated(plan, spine, grid, rendering, truth)


def images(simulated: Simulated, seed: int, snr: float) -> Iterator[Dataset]:
    """Yield the DICOM images of an examination in its form.

    Raises
    ------
    QmriError
        If no vertebral body is in view.
    """
    plan, truth, grid = simulated.plan, simulated.truth, simulated.grid
    model = WaterFatModel.at(FAT_MODEL, plan.protocol.echo_times_s, plan.protocol.imaging_frequency_mhz)
    sensitivity = coil_sensitivity(grid, _back_mm(simulated.spine), _rng(seed, plan, "coil"))
    bodies = simulated.rendering.labels > 0
    if not bodies.any():
        raise QmriError("no vertebral body is in view", remedy="choose a larger matrix or pixel")
    marrow_signal = np.median(((truth.water + truth.fat) * np.abs(sensitivity))[bodies])
    rng = _rng(seed, plan, "noise")
    noise = complex_noise((*grid.shape, len(model.echo_times)), plan.protocol.acquired_matrix, rng)
    noise *= marrow_signal / snr
    exam = exam_name(plan.participant_id, plan.session_id)
    scan = Scan(
        plan.registration,
        plan.protocol,
        grid,
        key=(f"study {seed}", exam),
        implicit_vr=plan.form == "legacy",
    )
    if plan.form == "sources":
        return echo_images(scan, received_echoes(truth, model, sensitivity, noise))
    maps = scanner_maps(truth, model, sensitivity, noise, rng)
    return new_style_maps(scan, maps) if plan.form == "maps" else legacy_maps(scan, maps)


def _slab(plan: PatientPlan, spine: Spine) -> Grid:
    """Place the slab: the sacrum at its lower end, the skin of the back at its posterior edge."""
    lowest = spine.bodies[-1]
    _, rows, _ = plan.shape
    height_mm = rows * plan.pixel_mm
    bottom = lowest.centre_mm[2] - BELOW_LOWEST_BODY_MM
    seen = [body for body in spine.bodies if bottom < body.centre_mm[2] < bottom + height_mm] or [lowest]
    centres = np.array([body.centre_mm for body in seen])
    depth_mm = plan.shape[0] * plan.pixel_mm
    middle = (
        centres[:, 0].mean(),
        centres[:, 1].min() - BEHIND_SPINE_MM + depth_mm / 2,
        bottom + height_mm / 2,
    )
    voxel = (plan.pixel_mm, plan.pixel_mm, plan.slice_mm)
    return sagittal_grid(plan.shape, voxel, middle, oblique_deg=plan.oblique_deg)


def _back_mm(spine: Spine) -> float:
    return float(min(body.centre_mm[1] for body in spine.bodies)) - BEHIND_SPINE_MM


def _write_images(directory: Path, simulated: Simulated, options: StudyOptions) -> int:
    datasets = images(simulated, options.seed, options.snr)
    return write_files(directory, datasets, _rng(options.seed, simulated.plan, "files"))


def _write_truth_maps(directory: Path, simulated: Simulated) -> list[TrueVertebra]:
    plan, truth, grid = simulated.plan, simulated.truth, simulated.grid
    exam = exam_name(plan.participant_id, plan.session_id)
    labels = Volume(simulated.rendering.labels, grid.affine)
    write_volume(directory / f"{exam}_dseg.nii.gz", labels, dtype=np.uint8)
    for suffix, unit, values in (("PDFFmap", "percent", truth.pdff), ("R2starmap", "1/s", truth.r2star)):
        rounded = labels.like(np.rint(values * 10.0) / 10.0)
        sidecar = {"Units": unit, "Description": "truth without noise", "FatModel": FAT_MODEL}
        write_volume(directory / f"{exam}_{suffix}.nii.gz", rounded, dtype=np.float32, sidecar=sidecar)
    status = dict.fromkeys(plan.old_levels, "old")
    status |= dict.fromkeys(plan.acute_levels, "acute")
    status |= dict.fromkeys(plan.treated_levels, "treated_target")
    key = (plan.participant_id, plan.session_id)
    return true_vertebrae(key, simulated.spine, grid, simulated.rendering.labels, truth, status=status)


def _sheet_row(directory: Path, simulated: Simulated, seed: int) -> dict[str, str]:
    plan = simulated.plan
    row = {
        "participant_id": plan.participant_id,
        "session_id": plan.session_id,
        "dicom_dir": _dicom_dir(plan).as_posix(),
        "treated_levels": ";".join(plan.treated_levels),
        "acute_levels": ";".join(plan.acute_levels),
        "old_levels": ";".join(plan.old_levels),
    }
    if plan.anchor == "lowest_level":
        return row | {"lowest_level": simulated.spine.bodies[-1].level}
    path = Path("seeds") / f"{plan.participant_id}_{plan.session_id}.csv"
    _write_seeds(directory / path, simulated, _rng(seed, plan, "seeds"))
    return row | {"seeds": path.as_posix()}


def _write_seeds(path: Path, simulated: Simulated, rng: np.random.Generator) -> None:
    """Write one point near the centre of each body in view, as a person would set them."""
    path.parent.mkdir(exist_ok=True)
    present = set(np.unique(simulated.rendering.labels).tolist())
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("level", "x_mm", "y_mm", "z_mm"))
        for body in simulated.spine.bodies:
            point = body.centre_mm + np.clip(rng.normal(0.0, SEED_SPREAD_MM, 3), -2.0, 2.0)
            index = simulated.grid.to_index(point)
            inside = np.all(index >= 0) and np.all(index <= np.array(simulated.grid.shape) - 1)
            if inside and LEVEL_ID[body.level] in present:
                writer.writerow((body.level, *(f"{value:.1f}" for value in point)))


def _write_sheet(path: Path, rows: Sequence[dict[str, str]]) -> None:
    columns = [name for name in REQUIRED + OPTIONAL if any(name in row for row in rows)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _dicom_dir(plan: PatientPlan) -> Path:
    """Return a folder named after the patient, as archives do it: a path that must not leak."""
    who = plan.registration
    return Path("dicom") / f"{who.name.replace('^', '_')}_{who.study_date}"


def _rng(seed: int, plan: PatientPlan, stream: str) -> np.random.Generator:
    return np.random.default_rng([seed, plan.number, 1 + STREAMS.index(stream)])


def _readme(command: str) -> str:
    lines: Iterable[str] = (
        "# A digital reference study",
        "",
        "Simulated spines of known truth, written as a GE scanner writes IDEAL-IQ. No person was imaged:",
        "every name, date and identifier in the headers is invented, for a search for leaks to look for.",
        "",
        f"Made by `{command}`; the same command gives the same bytes.",
        "",
        "| file | content |",
        "|---|---|",
        "| `study.csv` | the study sheet for `qmri run` |",
        "| `dicom/` | one folder of DICOM for each examination |",
        "| `seeds/` | a point in each vertebral body, RAS+ mm |",
        "| `truth/truth.csv` | medians of PDFF and R2* in the eroded bodies, heights, fractures |",
        "| `truth/*_dseg.nii.gz` | true label maps |",
        "| `truth/*_PDFFmap.nii.gz`, `*_R2starmap.nii.gz` | what a perfect fit without noise would find |",
        "| `truth/planted_identifiers.csv` | what must appear in no output |",
        "",
    )
    return "\n".join(lines)
