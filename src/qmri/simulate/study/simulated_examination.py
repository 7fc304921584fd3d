"""One examination in memory: its anatomy on the scanner's grid, its truth, its images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from qmri.errors import QmriError
from qmri.images.grid import Grid
from qmri.signal import WaterFatModel
from qmri.simulate.anatomy import Rendering, Spine, draw_spine, render
from qmri.simulate.dicom.ge_dicom import echo_images, legacy_maps, new_style_maps
from qmri.simulate.dicom.ge_headers import Scan
from qmri.simulate.imaging.geometry import sagittal_grid
from qmri.simulate.imaging.hazards import around, exchanged, ghosted
from qmri.simulate.imaging.physics import Truth, draw_marrow, voxel_truth
from qmri.simulate.imaging.receive import coil_sensitivity, complex_noise, received_echoes, scanner_maps
from qmri.simulate.study.study_plan import ExamPlan

FAT_MODEL = "ren9"
FRACTION_STEP = 2.0**-12
BELOW_LOWEST_BODY_MM = 62.0
BEHIND_SPINE_MM = 85.0
GHOST_STRENGTH_RAD = 0.25
SWAP_RADII_MM = (60.0, 45.0, 38.0)
STEEP_FIELD_PPM = 4.0


@dataclass(frozen=True)
class Simulated:
    """An examination in memory.

    Attributes
    ----------
    plan
        What was decided before.
    spine, grid, rendering
        The anatomy, the voxels, and the one on the other.
    truth
        What a perfect fit of noise-free echoes would find.
    hazard_levels
        The levels that the plan's hazard touches.
    """

    plan: ExamPlan
    spine: Spine
    grid: Grid
    rendering: Rendering
    truth: Truth
    hazard_levels: tuple[str, ...] = ()


def simulate_examination(plan: ExamPlan) -> Simulated:
    """Draw the spine of a plan, place the slab on it, and compute what a perfect fit would find.

    Raises
    ------
    QmriError
        If no vertebral body is in view.
    """
    spine = draw_spine(plan.rng("anatomy"), plan.recipe)
    grid = _slab(plan, spine)
    pixel_mm, _, slice_mm = grid.voxel_size_mm
    rendering = _rounded(
        render(spine, grid.affine, grid.shape, supersample=(2, 2, max(2, round(2 * slice_mm / pixel_mm))))
    )
    if not rendering.labels.any():
        raise QmriError("no vertebral body is in view", remedy="choose a larger matrix or pixel")
    truth = voxel_truth(
        spine,
        rendering,
        grid,
        draw_marrow(tuple(body.level for body in spine.bodies), plan.age, plan.rng("marrow")),
        field_t=plan.protocol.field_t,
        imaging_frequency_mhz=plan.protocol.imaging_frequency_mhz,
        rng=plan.rng("texture"),
    )
    simulated = Simulated(plan, spine, grid, rendering, truth)
    if plan.hazard == "swap":
        return replace(
            simulated,
            truth=_steepened(simulated),
            hazard_levels=_levels_in(simulated, _blob(simulated) > 0.5),
        )
    if plan.hazard == "metal":
        screwed = [body.level for body in spine.bodies if any(part.kind == "screws" for part in body.lesions)]
        return replace(simulated, hazard_levels=tuple(screwed))
    if plan.hazard == "motion":
        return replace(simulated, hazard_levels=_levels_in(simulated, np.ones(grid.shape, dtype=bool)))
    return simulated


def images(simulated: Simulated) -> Iterator[Dataset]:
    """Yield the DICOM images of an examination in its form."""
    plan, truth, grid = simulated.plan, simulated.truth, simulated.grid
    model = WaterFatModel.at(FAT_MODEL, plan.protocol.echo_times_s, plan.protocol.imaging_frequency_mhz)
    sensitivity = coil_sensitivity(grid, _back_mm(simulated.spine), plan.rng("coil"))
    received = (truth.water + truth.fat) * np.abs(sensitivity)
    rng = plan.rng("noise")
    noise = complex_noise((*grid.shape, len(model.echo_times)), plan.protocol.acquired_matrix, rng)
    noise *= np.median(received[simulated.rendering.labels > 0]) / plan.snr
    if plan.hazard == "motion":
        still = received_echoes(truth, model, sensitivity, np.zeros_like(noise))
        noise += ghosted(still, GHOST_STRENGTH_RAD) - still
    scan = Scan(
        plan.registration,
        plan.protocol,
        grid,
        key=(f"study {plan.seed}", plan.exam),
        implicit_vr=plan.form == "legacy",
    )
    echoes = echo_images(scan, received_echoes(truth, model, sensitivity, noise))
    if plan.form == "sources":
        return echoes
    maps = scanner_maps(truth, model, sensitivity, noise, rng)
    if plan.hazard == "swap":
        maps = exchanged(maps, _blob(simulated) > 0.5)
    if plan.form == "legacy":
        return legacy_maps(scan, maps)
    return chain(echoes, new_style_maps(scan, maps)) if plan.form == "both" else new_style_maps(scan, maps)


def _slab(plan: ExamPlan, spine: Spine) -> Grid:
    """Place the slab: the sacrum at its lower end, the skin of the back at its posterior edge."""
    depth_mm, height_mm, _ = np.array(plan.shape) * plan.voxel_size_mm
    lowest = spine.bodies[-1]
    bottom = lowest.centre_mm[2] - BELOW_LOWEST_BODY_MM
    seen = [body for body in spine.bodies if bottom < body.centre_mm[2] < bottom + height_mm] or [lowest]
    centres = np.array([body.centre_mm for body in seen])
    back = centres[:, 1].min() - BEHIND_SPINE_MM
    middle = np.array([centres[:, 0].mean(), back + depth_mm / 2, bottom + height_mm / 2])
    return sagittal_grid(plan.shape, plan.voxel_size_mm, middle + plan.shift_mm, oblique_deg=plan.oblique_deg)


def _rounded(rendering: Rendering) -> Rendering:
    """Round the fractions coarser than the last bits of float32: every processor makes the same study."""
    fractions = {
        tissue: np.rint(share / FRACTION_STEP).astype(np.float32) * np.float32(FRACTION_STEP)
        for tissue, share in rendering.fractions.items()
    }
    return replace(rendering, fractions=fractions)


def _back_mm(spine: Spine) -> float:
    return float(min(body.centre_mm[1] for body in spine.bodies)) - BEHIND_SPINE_MM


def _blob(simulated: Simulated) -> NDArray[np.float64]:
    """Return where water and fat are exchanged: about a sound body of the patient."""
    plan = simulated.plan
    touched = {*plan.acute_levels, *plan.old_levels, *plan.treated_levels}
    sound = [body for body in simulated.spine.bodies[-7:] if body.level not in touched]
    body = sound[int(plan.rng("hazard").integers(len(sound)))]
    return around(body.centre_mm, SWAP_RADII_MM, simulated.grid)


def _steepened(simulated: Simulated) -> Truth:
    """Return the truth with a field that makes a fit exchange water and fat: a bump beyond the fat shift."""
    steep = STEEP_FIELD_PPM * simulated.plan.protocol.imaging_frequency_mhz * _blob(simulated)
    return replace(simulated.truth, field=simulated.truth.field + steep)


def _levels_in(simulated: Simulated, region: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return the levels whose bodies a region touches."""
    touched = set(np.unique(simulated.rendering.body[region]).tolist())
    return tuple(
        body.level for number, body in enumerate(simulated.spine.bodies, start=1) if number in touched
    )
