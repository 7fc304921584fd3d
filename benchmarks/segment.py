"""Accuracy and cost of finding, naming and cutting vertebral bodies: figures of docs/methods.md.

    python benchmarks/segment.py study --patients 6     the digital study: normal, fractured, cemented
    python benchmarks/segment.py real DATA              real spines; without DATA the lumbar ones
    python benchmarks/segment.py collapsed DATA         the same, in which bodies collapse (collapsed.py)
    python benchmarks/segment.py confidence DATA        do the flags find bodies that are cut badly?
    python benchmarks/segment.py pictures               best, median and worst examination of the study

"one click" cuts from points within 4 mm of the true centres; "given" knows that L5 is the lowest
level, "not given" knows nothing.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from collapsed import KINDS, collapsed_cases, outcomes, print_collapsed
from confidence import print_confidence
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage
from spines import REAL, ROOT, Case, jittered, real_cases, study_cases

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.morphometry import ANTERIOR_AT, MIDDLE_AT, POSTERIOR_AT, measure_shape
from qmri.segment.checks.label_agreement import dice
from qmri.segment.detect import NetworkDetector
from qmri.segment.segmentation import Segmentation, segment_detected, segment_seeded
from qmri.spine.levels import LEVEL_NAME

SAME_BODY_MM = 12.0
MIDLINE_MM = 14.0
SETTINGS = SegmentSettings()


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


def segmented(case: Case, mode: str) -> Segmentation | None:
    """Segment a case; None where the software refuses."""
    try:
        if mode == "one click":
            return segment_seeded(case.images, jittered(case), SETTINGS, NetworkDetector())
        given = "L5" if mode == "given" else None
        return segment_detected(case.images, NetworkDetector(), SETTINGS, given)
    except QmriError:
        return None


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
        points = apply_affine(case.images.affine, index)
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
                surface_distance(first, second, voxel_sizes(case.images.affine)),
                tuple(np.abs(off)),
                confidence[level] or 0.0,
            )
        )
    return rows


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
    for mode in ("one click", "given", "not given"):
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
    parser.add_argument("what", choices=("study", "real", "collapsed", "confidence", "pictures"))
    parser.add_argument("data", type=Path, nargs="?", default=REAL, help="folder of */labels.nii.gz")
    parser.add_argument("--patients", type=int, default=6, help="of the study")
    parser.add_argument("--spines", type=int, help="take so many of the real spines")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="collapse so alone")
    parser.add_argument("--truth", action="store_true", help="measure the true labels of collapsed bodies")
    options = parser.parse_args()
    if options.what == "collapsed":
        detector = None if options.truth else NetworkDetector()
        cases = collapsed_cases(options.data, options.kinds, options.spines)
        print_collapsed(outcome for case in cases for outcome in outcomes(case, detector))
        return
    if options.what == "confidence":
        print_confidence(options.data, options.kinds, options.spines, options.patients)
        return
    if options.what == "real":
        cases = list(real_cases(options.data, options.spines))
        if not cases:
            parser.exit(message=f"there are no real spines in {options.data.name}\n")
    else:
        cases = list(study_cases(options.patients))
    {"pictures": pictures}.get(options.what, table)(cases)


if __name__ == "__main__":
    main()
