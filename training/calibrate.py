"""Fit the two constants of the numbering on fresh simulated spines, and print how reliable it is.

    python calibrate.py --count 500

Spines whose S1 is neither clearly in view nor clearly out of it have no right answer and are left out;
transitional ones have none either and are counted apart.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from randomised import Scan, draw_scan
from scipy.optimize import minimize
from targets import Count

from qmri.segment.detect import NetworkDetector
from qmri.segment.detect.chain import DECLINED, TEMPERATURE, numbering
from qmri.segment.detect.detector import SpineImages
from qmri.segment.detect.peaks import Peak
from qmri.segment.detect.working_grid import WorkingGrid, working_grid

NEAR_MM = 10.0
SEED = 987_654
SURE = 0.8
BINS = (0.0, 0.5, 0.8, 0.95, 0.99, 1.001)


@dataclass(frozen=True)
class Case:
    """A simulated spine.

    ``chain`` is what the network made of it and ``place`` the index of the true lowest body in it, None if it
    is not there. ``hidden`` tells that no sacrum is in view, so that to name nothing is right as well.
    """

    chain: list[Peak]
    place: int | None
    hidden: bool
    style: str
    bodies: int
    found: int


def case_of(scan: Scan, detector: NetworkDetector) -> Case | None:
    """Run the network on a scan; None if the numbering has no right answer."""
    grid = working_grid(scan.affine, scan.water.shape)
    count, lowest = Count.of(scan, grid), scan.spine.bodies[-1]
    if not count.hidden and not (count.seen and in_view(grid, lowest.centre_mm)):
        return None
    chain, _, _ = detector.chain(SpineImages(scan.water, scan.affine, scan.fat))
    visible = [body for body in scan.spine.bodies if in_view(grid, body.centre_mm)]
    found = sum(nearest(chain, body.centre_mm) is not None for body in visible)
    return Case(chain, nearest(chain, lowest.centre_mm), count.hidden, scan.style, len(visible), found)


def in_view(grid: WorkingGrid, point_mm: NDArray[np.float64], margin: float = 1.0) -> bool:
    """Tell whether a point lies on the grid, ``margin`` voxels from its ends."""
    index = np.linalg.inv(grid.affine)[:3] @ np.append(point_mm, 1.0)
    return bool(np.all((index >= margin) & (index <= np.array(grid.shape) - 1 - margin)))


def nearest(chain: list[Peak], centre_mm: NDArray[np.float64]) -> int | None:
    """Return the index of the element within NEAR_MM of a point, None if there is none."""
    distances = [float(np.linalg.norm(peak.centre_mm - centre_mm)) for peak in chain]
    if not distances or min(distances) > NEAR_MM:
        return None
    return int(np.argmin(distances))


def probabilities(case: Case, temperature: float, declined: float) -> NDArray[np.float64]:
    """Return the probability of each element to be the lowest body and, last, of none."""
    result = numbering(case.chain, temperature, declined)
    return np.append(result.lowest, result.none)


def right_answers(case: Case) -> list[int]:
    """Return the hypotheses that are right: the lowest body, or none where it is hidden or was missed."""
    place = [] if case.place is None else [case.place]
    return [*place, len(case.chain)] if case.hidden or not place else place


def loss(logs: NDArray[np.float64], cases: list[Case]) -> float:
    """Return the mean negative log-likelihood of the right answers; ``logs`` of temperature and odds."""
    temperature, declined = np.exp(np.clip(logs, -6.0, 3.0))
    shares = [probabilities(case, temperature, declined)[right_answers(case)].sum() for case in cases]
    return float(-np.mean(np.log(np.maximum(shares, 1e-9))))


def draw_cases(detector: NetworkDetector, seed: int, count: int) -> list[Case]:
    """Run the network on fresh scans; those without a right answer or without a chain are left out."""
    scans = (draw_scan(np.random.default_rng([seed, number])) for number in range(count))
    cases = (case_of(scan, detector) for scan in scans)
    return [case for case in cases if case is not None and case.chain]


def named_right(case: Case, temperature: float = TEMPERATURE, declined: float = DECLINED) -> bool:
    """Tell whether the most probable numbering is a right one."""
    return int(probabilities(case, temperature, declined).argmax()) in right_answers(case)


def main() -> None:
    """Draw, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    options = parser.parse_args()
    drawn = draw_cases(NetworkDetector(), SEED, options.count)
    unclear = [case for case in drawn if case.style == "transitional"]
    cases = [case for case in drawn if case.style != "transitional"]
    if not cases:
        raise SystemExit(f"the network found no spine in {options.count} scans: train it for more steps")
    fit = minimize(loss, np.log([1.5, 0.1]), args=(cases,), method="Nelder-Mead", options={"xatol": 0.02})
    temperature, declined = (float(value) for value in np.exp(fit.x))
    print(f"temperature {temperature:.2f}, declined {declined:.3f}, log-likelihood {-fit.fun:.4f}")
    for style in sorted({case.style for case in cases}):
        some = [case for case in cases if case.style == style]
        found, bodies = sum(case.found for case in some), sum(case.bodies for case in some)
        right = sum(named_right(case, temperature, declined) for case in some)
        print(f"{style:10s} bodies found {found}/{bodies}, numbering right {right}/{len(some)}")
    print_reliability(cases, temperature, declined)
    bold = sum(float(probabilities(case, temperature, declined)[:-1].max()) >= SURE for case in unclear)
    print(f"transitional: a lowest body named with probability {SURE} or more in {bold}/{len(unclear)}")


def print_reliability(cases: list[Case], temperature: float, declined: float) -> None:
    """Print how often a numbering that names a lowest body is right, by the probability it states."""
    totals: Counter[int] = Counter()
    rights: Counter[int] = Counter()
    for case in cases:
        shares = probabilities(case, temperature, declined)[:-1]
        best = int(shares.argmax())
        row = int(np.searchsorted(BINS, shares[best], side="right")) - 1
        totals[row] += 1
        rights[row] += best == case.place
    for row in sorted(totals):
        print(f"probability {BINS[row]:.2f}-{min(BINS[row + 1], 1):.2f}: right {rights[row]}/{totals[row]}")


if __name__ == "__main__":
    main()
