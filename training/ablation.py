"""What each ingredient of the generator is worth: short trainings without it, scored with everything.

    python ablation.py --steps 500 --count 150 --out run/ablation ../../shared/data/lumbar_water

The first two rows leave out nothing and differ in the seed alone: a difference no larger is chance.
Trainings whose weights are there already are not repeated.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from calibrate import draw_cases, named_right
from randomised import Ingredients
from real import read_spines
from validate import judge, places

from qmri.segment.detect import NetworkDetector
from qmri.segment.naming.numbering import name_from_sacrum

FRESH_SEED = 24_680
STYLES = ("ordinary", "diseased", "crude")


def trained(out: Path, steps: int, seed: int, without: str) -> Path:
    """Train, unless it was done before, and return the weights."""
    here = out / f"{without or 'nothing'}-{seed}"
    if not (here / "training_run.json").exists():
        command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("train.py"))]
        command += ["--out", str(here), "--steps", str(steps), "--seed", str(seed)]
        subprocess.run(command + (["--without", without] if without else []), check=True)
    return here / "spine.onnx"


def row(name: str, weights: Path, count: int, real: Path | None) -> str:
    """Score weights on fresh simulated spines, and on the real ones where they are given."""
    detector = NetworkDetector((weights,))
    cases = draw_cases(detector, FRESH_SEED, count)
    cells = [f"{sum(case.found for case in cases)}/{sum(case.bodies for case in cases)}"]
    for style in STYLES:
        some = [case for case in cases if case.style == style]
        cells.append(f"{sum(map(named_right, some))}/{len(some)}")
    if real is not None:
        spines = read_spines(real)
        truths = [spine.centres() for spine in spines]
        detections = [detector.detect(spine.images()) for spine in spines]
        found = [places(detection, truth) for detection, truth in zip(detections, truths, strict=True)]
        named = [
            judge(name_from_sacrum(detection, 0.0), place)["named"] if detection.candidates else 0
            for detection, place in zip(detections, found, strict=True)
        ]
        bodies = [len(truth) for truth in truths]
        whole = sum(count == total for count, total in zip(named, bodies, strict=True))
        cells += [f"{sum(map(len, found))}/{sum(bodies)}", f"{whole}/{len(spines)}"]
    return "| " + " | ".join([name, *cells]) + " |"


def main() -> None:
    """Train and print one row for each ingredient that is left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("real", type=Path, nargs="?", help="folder of real spines, see validate.py")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--count", type=int, default=150, help="fresh simulated spines to score on")
    parser.add_argument("--out", type=Path, required=True, help="folder for the trainings")
    options = parser.parse_args()
    head = ["left out", "bodies found", *(f"{style} named" for style in STYLES)]
    head += ["real found", "real named whole"] if options.real else []
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|", flush=True)
    runs = [("nothing", 1, ""), ("nothing, seed 2", 2, "")]
    runs += [(field.name, 1, field.name) for field in fields(Ingredients)]
    for name, seed, without in runs:
        weights = trained(options.out, options.steps, seed, without)
        print(row(name, weights, options.count, options.real), flush=True)


if __name__ == "__main__":
    main()
