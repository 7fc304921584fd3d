"""Spines with a known truth for benchmarks of the segmentation: simulated ones, and real ones drawn by hand.

The real spines are averaged to sagittal slices of 4 mm and 1.35 mm in plane.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from qmri.images.nifti import Volume, read_volume
from qmri.segment.detect.detector import SpineImages
from qmri.segment.reader.seeds import Seeds
from qmri.simulate.imaging.receive import coil_sensitivity
from qmri.simulate.study.simulated_examination import simulate_examination
from qmri.simulate.study.study_plan import StudyOptions, plan_study
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, sort_levels

ROOT = Path(__file__).resolve().parents[1]
REAL = Path(os.environ.get("QMRI_SHARED_DATA", ROOT.parent / "shared" / "data")) / "lumbar_water"
IN_PLANE_MM = 1.35
SLICES_AVERAGED = 4
SEED_SPREAD_MM = 4.0


@dataclass(frozen=True)
class Case:
    """One examination with its truth; ``kind`` tells of a label what is wrong with the body."""

    name: str
    images: SpineImages
    truth: NDArray[np.int16]
    kind: dict[int, str]

    @property
    def centres_mm(self) -> dict[int, NDArray[np.float64]]:
        """Centroid of each true body, cranial to caudal."""
        levels = sort_levels(LEVEL_NAME[number] for number in self.kind)
        found = {LEVEL_ID[level]: np.argwhere(self.truth == LEVEL_ID[level]).mean(0) for level in levels}
        affine = self.images.affine
        return {number: apply_affine(affine, centre) for number, centre in found.items()}


def study_cases(patients: int, seed: int = 11) -> Iterator[Case]:
    """Yield the examinations of a digital study and of its follow-up with cement."""
    for plan in plan_study(StudyOptions(patients=patients, seed=seed, follow_up=True)):
        simulated = simulate_examination(plan)
        truth, grid, rng = simulated.truth, simulated.grid, plan.rng("noise")
        gain = np.abs(coil_sensitivity(grid, simulated.spine.bodies[0].centre_mm[1] - 90, rng))
        noise = 1 / plan.snr
        water, fat = (
            np.abs(
                part * gain + noise * (rng.standard_normal(grid.shape) + 1j * rng.standard_normal(grid.shape))
            )
            for part in (truth.water, truth.fat)
        )
        labels = simulated.rendering.labels
        whole = [n for n in np.unique(labels) if n and not np.any(labels[:, [0, -1]] == n)]
        cemented = {
            body.level
            for body in simulated.spine.bodies
            for lesion in body.lesions
            if "cement" in lesion.kind
        }
        broken = {*plan.acute_levels, *plan.old_levels, *plan.treated_levels}
        kind = {
            int(n): "cemented"
            if LEVEL_NAME[n] in cemented
            else "fractured"
            if LEVEL_NAME[n] in broken
            else "normal"
            for n in whole
        }
        images = SpineImages(water, grid.affine, fat, 100 * fat / (water + fat))
        yield Case(f"{plan.seed}-{plan.exam}", images, labels, kind)


def real_cases(data: Path = REAL, spines: int | None = None) -> Iterator[Case]:
    """Yield real spines, resampled; the truth by majority, without bodies that the view cuts off.

    The kind of a body is what its folder's name has before an underscore.
    """
    for name, image, labels in real_spines(data, spines):
        kind = name.partition("_")[0] if "_" in name else "healthy"
        water = coarse(image.data)
        truth = np.zeros(water.shape, np.int16)
        for number in np.unique(labels.data):
            if number in LEVEL_NAME:
                truth[coarse(labels.data == number) >= 0.5] = number
        cut_off = {0, *np.unique(truth[:, :, [0, -1]]).tolist()}
        kinds = {int(number): kind for number in np.unique(truth) if number not in cut_off}
        yield Case(name, SpineImages(water, coarse_affine(image.affine)), truth, kinds)


def real_spines(data: Path, spines: int | None = None) -> Iterator[tuple[str, Volume, Volume]]:
    """Yield name, image and labels at 1 mm of the spines below a folder, or of so many evenly spread ones."""
    files = sorted(data.glob("*/labels.nii.gz"))
    if spines is not None and spines < len(files):
        files = [files[index * len(files) // spines] for index in range(spines)]
    for labels in files:
        image = next(path for path in sorted(labels.parent.glob("*.nii.gz")) if path != labels)
        yield labels.parent.name, read_volume(image), read_volume(labels)


def coarse_affine(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the affine of what `coarse` makes of a 1 mm volume."""
    result = affine @ np.diag([SLICES_AVERAGED, IN_PLANE_MM, IN_PLANE_MM, 1])
    start = [(SLICES_AVERAGED - 1) / 2, (IN_PLANE_MM - 1) / 2, (IN_PLANE_MM - 1) / 2, 1]
    result[:3, 3] = (affine @ start)[:3]
    return np.asarray(result)


def coarse(volume: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return a 1 mm volume (x, y, z) averaged along x and resampled along y and z."""
    count = volume.shape[0] // SLICES_AVERAGED
    slices = volume[: count * SLICES_AVERAGED].astype(np.float32)
    slices = slices.reshape(count, SLICES_AVERAGED, *volume.shape[1:]).mean(1)
    size = [int(n / IN_PLANE_MM) for n in volume.shape[1:]]
    place = np.meshgrid(
        np.arange(count), *(np.arange(n) * IN_PLANE_MM + (IN_PLANE_MM - 1) / 2 for n in size), indexing="ij"
    )
    return ndimage.map_coordinates(slices, place, order=1)


def jittered(case: Case) -> Seeds:
    """Return a point in each true body, off by up to 4 mm along each axis."""
    rng = np.random.default_rng(sum(map(ord, case.name)))
    centres = case.centres_mm
    points = np.array(list(centres.values())) + rng.uniform(
        -SEED_SPREAD_MM, SEED_SPREAD_MM, (len(centres), 3)
    )
    return Seeds(tuple(LEVEL_NAME[number] for number in centres), points)
