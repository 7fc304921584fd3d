"""Accuracy and cost of finding, naming and cutting vertebral bodies: figures of docs/methods.md.

    python benchmarks/segment.py study --patients 6     the digital study: normal, fractured, cemented
    python benchmarks/segment.py real                   the real lumbar spines, where they are present
    python benchmarks/segment.py confidence             does the confidence find gross errors?
    python benchmarks/segment.py pictures               best, median and worst examination of the study

"one click" cuts from points within 4 mm of the true centres; "told" knows that L5 is the lowest
level, "untold" knows nothing. The real spines are averaged to sagittal slices of 4 mm and 1.35 mm in plane.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.levels import LEVEL_ID, LEVEL_NAME, sort_levels
from qmri.measure.bodies import find_bodies
from qmri.measure.morphometry import ANTERIOR_AT, MIDDLE_AT, POSTERIOR_AT, measure_shape
from qmri.segment.cut import cut_surfaces
from qmri.segment.detector import SpineImages
from qmri.segment.network import NetworkDetector
from qmri.segment.rasterise import rasterise
from qmri.segment.seeds import Seeds
from qmri.segment.spine import Segmentation, segment_detected, segment_seeded
from qmri.simulate.examination import simulate_examination
from qmri.simulate.plan import StudyOptions, plan_study
from qmri.simulate.receive import coil_sensitivity
from qmri.volumes import read_volume

ROOT = Path(__file__).resolve().parents[1]
REAL = Path(os.environ.get("QMRI_SHARED_DATA", ROOT.parent / "shared" / "data")) / "lumbar_water"
SEED_SPREAD_MM = 4.0
SAME_BODY_MM = 12.0
MIDLINE_MM = 14.0
IN_PLANE_MM = 1.35
SLICES_AVERAGED = 4
GROSS_DICE = 0.7
# Wrong points for the test of the confidence: as far from a body's centre as disc or muscle.
WRONG_BY_MM = (12.0, 20.0)
SETTINGS = SegmentSettings()


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
        return {number: affine[:3, :3] @ centre + affine[:3, 3] for number, centre in found.items()}


@dataclass(frozen=True)
class Score:
    """How well one body was segmented; lengths in mm."""

    case: str
    kind: str
    found: bool
    named: bool
    dice: float = np.nan
    dice_midline: float = np.nan
    surface_mm: float = np.nan
    heights_off_mm: tuple[float, ...] = (np.nan,) * 3
    confidence: float = np.nan


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


def real_cases() -> Iterator[Case]:
    """Yield the real spines, averaged along the slices and resampled in plane; the truth by majority."""
    for folder in sorted(REAL.glob("case*")):
        water, labels = read_volume(folder / "water.nii.gz"), read_volume(folder / "labels.nii.gz")
        affine = water.affine @ np.diag([SLICES_AVERAGED, IN_PLANE_MM, IN_PLANE_MM, 1])
        start = [(SLICES_AVERAGED - 1) / 2, (IN_PLANE_MM - 1) / 2, (IN_PLANE_MM - 1) / 2, 1]
        affine[:3, 3] = (water.affine @ start)[:3]
        truth = np.zeros(coarse(water.data).shape, np.int16)
        kind = {int(number): "healthy" for number in np.unique(labels.data) if number}
        for number in kind:
            truth[coarse(labels.data == number) >= 0.5] = number
        yield Case(folder.name, SpineImages(coarse(water.data), affine), truth, kind)


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


def segmented(case: Case, mode: str) -> Segmentation | None:
    """Segment a case; None where the software refuses."""
    try:
        if mode == "one click":
            return segment_seeded(case.images, jittered(case), SETTINGS, NetworkDetector())
        told = "L5" if mode == "told" else None
        return segment_detected(case.images, NetworkDetector(), SETTINGS, told)
    except QmriError:
        return None


def jittered(case: Case) -> Seeds:
    """Return a point in each true body, off by up to 4 mm along each axis."""
    rng = np.random.default_rng(sum(map(ord, case.name)))
    centres = case.centres_mm
    points = np.array(list(centres.values())) + rng.uniform(
        -SEED_SPREAD_MM, SEED_SPREAD_MM, (len(centres), 3)
    )
    return Seeds(tuple(LEVEL_NAME[number] for number in centres), points)


def scores(case: Case, result: Segmentation | None) -> list[Score]:
    """Hold a segmentation against the truth, body by body."""
    if result is None:
        return [Score(case.name, kind, False, False) for kind in case.kind.values()]
    found = {body.name: np.array(body.centre_mm) for body in result.bodies}
    confidence = {body.name: body.confidence for body in result.bodies}
    true_heights, heights = heights_of(case.truth, case), heights_of(result.labels, case)
    rows = []
    for number, centre in case.centres_mm.items():
        level = LEVEL_NAME[number]
        distance = {name: float(np.linalg.norm(place - centre)) for name, place in found.items()}
        is_found = bool(distance) and min(distance.values()) < SAME_BODY_MM
        if distance.get(level, np.inf) >= SAME_BODY_MM:
            rows.append(Score(case.name, case.kind[number], is_found, False))
            continue
        first, second = case.truth == number, result.labels == number
        index = np.argwhere(first | second)
        points = index @ case.images.affine[:3, :3].T + case.images.affine[:3, 3]
        near = index[np.abs(points[:, 0] - centre[0]) <= MIDLINE_MM]
        off = np.subtract(heights.get(level, (np.nan,) * 3), true_heights.get(level, (np.nan,) * 3))
        rows.append(
            Score(
                case.name,
                case.kind[number],
                is_found,
                True,
                dice(first, second),
                dice(first[tuple(near.T)], second[tuple(near.T)]),
                surface_distance(first, second, np.linalg.norm(case.images.affine[:3, :3], axis=0)),
                tuple(np.abs(off)),
                confidence[level] or 0.0,
            )
        )
    return rows


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float(2 * np.sum(first & second) / max(first.sum() + second.sum(), 1))


def surface_distance(
    first: NDArray[np.bool_], second: NDArray[np.bool_], edges_mm: NDArray[np.float64]
) -> float:
    """Return the mean distance between the outermost voxels of two masks, both ways."""
    box = ndimage.find_objects((first | second).astype(np.uint8))[0]
    masks = [np.pad(mask[box], 1) for mask in (first, second)]
    rims = [mask & ~ndimage.binary_erosion(mask) for mask in masks]
    away = [ndimage.distance_transform_edt(~rim, sampling=edges_mm) for rim in rims]
    return float(np.mean(np.concatenate([away[1][rims[0]], away[0][rims[1]]])))


def heights_of(labels: NDArray[np.int16], case: Case) -> dict[str, NDArray[np.float64]]:
    """Return anterior, middle and posterior height of each body."""
    shapes = {body.level: measure_shape(body) for body in find_bodies(labels, case.images.affine)}
    at = np.array([ANTERIOR_AT, MIDDLE_AT, POSTERIOR_AT])
    return {level: shape.heights_mm(at) for level, shape in shapes.items() if shape is not None}


def table(cases: list[Case]) -> None:
    """Print one row for each kind of body and way of anchoring the levels."""
    print(
        "| bodies | anchor | found | named | Dice mean / min | near midline | surface mm | height a/m/p mm |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for mode in ("one click", "told", "untold"):
        start = time.process_time()
        results = [segmented(case, mode) for case in cases]
        seconds = (time.process_time() - start) / len(cases)
        rows = [row for case, result in zip(cases, results, strict=True) for row in scores(case, result)]
        for kind in sorted({row.kind for row in rows}):
            print_row([row for row in rows if row.kind == kind], kind, mode)
        wrong = {row.case for row in rows if row.found and not row.named}
        silent = [
            case.name
            for case, result in zip(cases, results, strict=True)
            if case.name in wrong and result is not None and result.naming.verified
        ]
        print(f"\n{mode}: {len(wrong)} of {len(cases)} spines wrongly named, {len(silent)} verified;")
        print(f"{seconds:.2f} CPU seconds a spine of {len(rows) / len(cases):.1f} bodies\n")


def print_row(rows: list[Score], kind: str, mode: str) -> None:
    found, named = sum(row.found for row in rows), [row for row in rows if row.named]
    overlap, middle = [row.dice for row in named], [row.dice_midline for row in named]
    if not named:
        print(f"| {kind} | {mode} | {found}/{len(rows)} | 0 | | | | |")
        return
    off = np.nanmean([row.heights_off_mm for row in named], axis=0)
    print(
        f"| {kind} | {mode} | {found}/{len(rows)} | {len(named)} "
        f"| {np.mean(overlap):.3f} / {min(overlap):.2f} "
        f"| {np.mean(middle):.3f} / {min(middle):.2f} | {np.mean([row.surface_mm for row in named]):.2f} "
        f"| {off[0]:.1f} / {off[1]:.1f} / {off[2]:.1f} |"
    )


def confidence_table(cases: list[Case]) -> None:
    """Print how the confidence ranks bodies cut from right and from wrong points."""
    rng = np.random.default_rng(0)
    values: list[tuple[float, float]] = []
    for case in cases:
        belief = NetworkDetector().detect(case.images).body_probability
        for wrong in (False, True):
            points = jittered(case).points_mm
            if wrong:
                away = rng.standard_normal(3)
                points[rng.integers(len(points))] += rng.uniform(*WRONG_BY_MM) * away / np.linalg.norm(away)
            cuts = cut_surfaces(case.images, points, belief=belief)
            numbers = list(case.centres_mm)
            labels = rasterise([cut.surface for cut in cuts], numbers, case.truth.shape, case.images.affine)
            for number, cut in zip(numbers, cuts, strict=True):
                values.append((dice(case.truth == number, labels == number), cut.confidence))
    overlap, confidence = np.array(values).T
    gross = overlap < GROSS_DICE
    ranked = confidence[gross, None] < confidence[None, ~gross]
    flagged = confidence < SETTINGS.body_confidence
    print(
        f"{gross.sum()} of {len(gross)} bodies have a Dice below {GROSS_DICE}; "
        f"area under the curve {ranked.mean():.3f}"
    )
    print(
        f"flagged below {SETTINGS.body_confidence}: {np.sum(flagged & gross)} of them "
        f"and {np.sum(flagged & ~gross)} others"
    )


def pictures(cases: list[Case]) -> None:
    """Draw the best, the median and the worst examination of the one-click cut."""
    results = [segmented(case, "one click") for case in cases]
    mean = [
        np.mean([row.dice for row in scores(case, result) if row.named])
        for case, result in zip(cases, results, strict=True)
    ]
    order = np.argsort(mean)
    figure, axes = plt.subplots(1, 3, figsize=(9, 6.2), layout="constrained")
    for axis, (word, place) in zip(
        axes, (("best", order[-1]), ("median", order[len(order) // 2]), ("worst", order[0])), strict=True
    ):
        case, result = cases[place], results[place]
        middle = round(float(np.argwhere(case.truth > 0)[:, 2].mean()))
        shown = case.images.water[:, :, middle].T
        axis.imshow(shown, cmap="gray", vmax=np.percentile(shown, 99.5))
        for labels, colour in ((case.truth, "tab:orange"), (result.labels, "cyan")):
            for number in np.unique(labels[labels > 0]):
                axis.contour((labels[:, :, middle] == number).T, [0.5], colors=colour, linewidths=0.9)
        axis.set_title(f"{word}: Dice {mean[place]:.3f}", fontsize=10)
        axis.axis("off")
    path = ROOT / "docs" / "images" / "segment_cases.png"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    print(path.relative_to(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("study", "real", "confidence", "pictures"))
    parser.add_argument("--patients", type=int, default=6)
    options = parser.parse_args()
    if options.what in ("real", "confidence"):
        cases = list(real_cases())
        if not cases:
            parser.exit(message=f"there are no real spines in {REAL.name}\n")
    else:
        cases = list(study_cases(options.patients))
    {"confidence": confidence_table, "pictures": pictures}.get(options.what, table)(cases)


if __name__ == "__main__":
    main()
