"""Score weights on real spines, which never enter training: whole, in thin slabs, and cut below.

    python validate.py ../../shared/data/lumbar_water ../../shared/data/spine_other
    python validate.py ../../shared/data/lumbar_water --weights run/member1/spine.onnx --every 3

The images are averaged to sagittal slices of 4 mm. A body is found if a candidate lies within 10 mm of the
centroid of its mask. The names are those of `qmri segment`, given nothing and given the lowest level that is
whole in the view: right if every body that was drawn and found has its level, verified if no reader need be
asked.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from perturb import PERTURBATIONS
from real import VIEWS, RealSpine, read_spines

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.segment.cut.body_cut import cut_surfaces
from qmri.segment.detect import NetworkDetector
from qmri.segment.detect.detector import Detection, Detector, SpineImages
from qmri.segment.detect.session import WEIGHTS
from qmri.segment.naming.detected_names import name_detected
from qmri.segment.naming.numbering import Naming

FOUND_MM = 10.0
GIVEN = ("nothing", "lowest")
COLUMNS = ("named", "right, verified", "right, in doubt", "wrong, in doubt", "wrong, verified", "refused")

Centres = dict[str, NDArray[np.float64]]
Case = tuple[SpineImages, Centres]


def places(detection: Detection, truth: Centres) -> dict[str, int]:
    """Return for each level that was found the index of its candidate."""
    centres = np.array([body.centre_mm for body in detection.candidates]).reshape(-1, 3)
    found = {}
    for level, centre in truth.items():
        distances = np.linalg.norm(centres - centre, axis=1)
        if len(distances) and distances.min() < FOUND_MM:
            found[level] = int(distances.argmin())
    return found


def judge(naming: Naming, found: dict[str, int], doubts: tuple[str, ...] = ()) -> Counter[str]:
    """Count the bodies named right, and the spine by whether all of them are and whether it is verified.

    ``doubts`` are those of the detector.
    """
    right = sum(naming.levels[place] == level for level, place in found.items())
    verdict = "right" if right == len(found) else "wrong"
    sure = "verified" if naming.verified and not doubts else "in doubt"
    return Counter({"named": right, f"{verdict}, {sure}": 1})


def score(case: Case, detector: Detector) -> Counter[str]:
    """Count what came of one case."""
    images, truth = case
    detection = detector.detect(images)
    found = places(detection, truth)
    counts = Counter({"spines": 1, "bodies": len(truth), "found": len(found)})
    if not detection.candidates:
        return counts + Counter({f"{given}: refused": 1 for given in GIVEN})
    centres = np.array([body.centre_mm for body in detection.candidates])
    cuts = cut_surfaces(images, centres, belief=detection.body_probability)
    for given, level in zip(GIVEN, (None, list(truth)[-1]), strict=True):
        try:
            naming = name_detected(images, detection, cuts, SegmentSettings(), level)
        except QmriError:
            counts[f"{given}: refused"] += 1
            continue
        counts.update(
            {f"{given}: {key}": value for key, value in judge(naming, found, detection.doubts).items()}
        )
    return counts


def rows(spines: list[RealSpine], *, stress: bool) -> Iterable[tuple[str, Callable[[RealSpine], Case]]]:
    """Yield the name of each row of the table and what makes a case of a spine."""
    for name, view in VIEWS.items():
        yield name, lambda spine, view=view: ((seen := view(spine)).images(), seen.centres())
    for name, change in PERTURBATIONS.items() if stress else ():
        yield name, lambda spine, change=change: (change(spine.images()), spine.centres())


def line(name: str, counts: Counter[str]) -> str:
    """Return one row of the table."""
    cells = [name, str(counts["spines"]), f"{counts['found']}/{counts['bodies']}"]
    cells += [str(counts[f"{given}: {column}"]) for given in GIVEN for column in COLUMNS]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print one table over all folders."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folders", type=Path, nargs="+", help="folders of */labels.nii.gz and one image beside it"
    )
    parser.add_argument(
        "--weights", type=Path, nargs="+", default=WEIGHTS, help="the members' weights (ONNX)"
    )
    parser.add_argument("--stress", action="store_true", help="also score images made worse")
    parser.add_argument("--every", type=int, default=1, help="take every so manieth spine")
    parser.add_argument("--views", nargs="+", choices=VIEWS, help="score these views alone")
    options = parser.parse_args()
    spines = [spine for folder in options.folders for spine in read_spines(folder)[:: options.every]]
    detector = NetworkDetector(tuple(options.weights))
    head = [
        "images",
        "spines",
        "bodies found",
        *(f"given {given}: {column}" for given in GIVEN for column in COLUMNS),
    ]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|", flush=True)
    for name, case_of in rows(spines, stress=options.stress):
        if options.views is None or name in options.views:
            counts = sum((score(case_of(spine), detector) for spine in spines), Counter())
            print(line(name, counts), flush=True)


if __name__ == "__main__":
    main()
