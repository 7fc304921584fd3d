"""Score the shipped network on the real spines of the shared data, which never enter training.

    python validate.py ../../shared/data/lumbar_water

The water images are averaged to sagittal slices of 4 mm. A body is found if a candidate lies within 10 mm of
the centroid of its manual mask, and named right if the numbering proposed without a hint gives it its level.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from perturb import PERTURBATIONS

from qmri.levels import LEVEL_ID
from qmri.segment.detector import Detection, SpineImages
from qmri.segment.network import NetworkDetector

LEVELS = ("L1", "L2", "L3", "L4", "L5")
FOUND_MM = 10.0
SLICE_MM = 4
SURE = 0.8

Case = tuple[str, SpineImages, dict[str, NDArray[np.float64]]]


@dataclass(frozen=True)
class Score:
    """What came of one spine: bodies found, bodies named right, the probability given, errors in mm."""

    found: int
    named: int
    probability: float
    errors_mm: tuple[float, ...]


def read_case(folder: Path) -> tuple[SpineImages, dict[str, NDArray[np.float64]]]:
    """Return the water image in slices of 4 mm and the true centres by level."""
    image, masks = nib.load(folder / "water.nii.gz"), nib.load(folder / "labels.nii.gz")
    water, labels = np.asarray(image.dataobj, dtype=np.float32), np.asarray(masks.dataobj)
    affine = np.asarray(image.affine, dtype=np.float64)
    count = water.shape[0] // SLICE_MM
    thick = water[: count * SLICE_MM].reshape(count, SLICE_MM, *water.shape[1:]).mean(axis=1)
    coarse = affine.copy()
    coarse[:3, 3] += affine[:3, 0] * (SLICE_MM - 1) / 2
    coarse[:3, 0] *= SLICE_MM
    centres = {
        level: np.argwhere(labels == LEVEL_ID[level]).mean(axis=0) @ affine[:3, :3].T + affine[:3, 3]
        for level in LEVELS
    }
    return SpineImages(thick, coarse), centres


def read_cases(folder: Path) -> list[Case]:
    """Return every spine below a folder."""
    return [(case.name, *read_case(case)) for case in sorted(folder.glob("case*"))]


def score(detection: Detection, truth: dict[str, NDArray[np.float64]], lowest: str = "L5") -> Score:
    """Compare a detection with true centres; ``lowest`` is the level of the body on the sacrum."""
    if not detection.candidates:
        return Score(0, 0, 0.0, ())
    centres = np.array([candidate.centre_mm for candidate in detection.candidates])
    chances = [candidate.lowest_probability for candidate in detection.candidates]
    anchor = int(np.argmax(chances))
    order = [*truth]
    found, named, errors = 0, 0, []
    for level, centre in truth.items():
        distances = np.linalg.norm(centres - centre, axis=1)
        nearest = int(distances.argmin())
        if distances[nearest] < FOUND_MM:
            found += 1
            errors.append(float(distances[nearest]))
            named += nearest == anchor - (order.index(lowest) - order.index(level))
    return Score(found, named, float(chances[anchor]), tuple(errors))


def run(cases: list[Case], name: str, *, each: bool) -> None:
    """Score all cases under one perturbation; print a row for each spine if asked, and the totals."""
    change, factor = PERTURBATIONS[name]
    detector, scores, seconds = NetworkDetector(), [], []
    for case, images, truth in cases:
        began = time.process_time()
        detection = detector.detect(change(images))
        seconds.append(time.process_time() - began)
        result = score(detection, {level: factor * c for level, c in truth.items()})
        scores.append(result)
        error = np.mean(result.errors_mm) if result.errors_mm else np.nan
        if each:
            print(
                f"{case}  found {result.found}/5  named {result.named}/5  "
                f"probability {result.probability:.2f}  error {error:.1f} mm"
            )
    count = len(LEVELS) * len(scores)
    sure = [item.named == len(LEVELS) for item in scores if item.probability >= SURE]
    print(
        f"{name}: found {sum(item.found for item in scores)}/{count}, "
        f"named {sum(item.named for item in scores)}/{count}, "
        f"whole {sum(item.named == len(LEVELS) for item in scores)}/{len(scores)}, "
        f"of those with probability {SURE} or more {sum(sure)}/{len(sure)}"
    )
    if each:
        print(f"median processor time {np.median(seconds):.2f} s a spine")


def main() -> None:
    """Print one row a spine and the totals, or the totals under each perturbation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of case*/water.nii.gz and labels.nii.gz")
    parser.add_argument("--stress", action="store_true", help="also score perturbed images")
    options = parser.parse_args()
    cases = read_cases(options.folder)
    for name in PERTURBATIONS if options.stress else ["unchanged"]:
        run(cases, name, each=not options.stress)


if __name__ == "__main__":
    main()
