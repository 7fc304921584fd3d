"""How well the spacing of bodies tells that one was missed: the figures behind GAP_RATIO, on drawn anatomy.

python gaps.py --count 600

The last row is that of the ratios as they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from randomised.spines import draw_random_spine

from qmri.segment.detect.chain import FIRST_GAP_RATIO, GAP_RATIO, missing_below
from qmri.segment.detect.peaks import Peak
from qmri.simulate.anatomy import Body

RATIOS = (1.25, 1.3, 1.35, 1.4, 1.45, 1.5, 1.6)
SEED = 4_711
# A body that lost this share of its height is one that a network may miss.
LOSS = 0.3


def noticed(bodies: Sequence[Body], left_out: int | None, ratios: tuple[float, float]) -> bool:
    """Tell whether a gap is seen among bodies without one of them."""
    kept = [body for number, body in enumerate(bodies) if number != left_out]
    counts = missing_below([Peak(body.centre_mm, 1.0, np.full(4, 0.25)) for body in kept], *ratios)
    return any(counts) if left_out is None else counts[left_out - 1] > 0


def main() -> None:
    """Print a row for each ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=600)
    options = parser.parse_args()
    drawn = (draw_random_spine(np.random.default_rng([SEED, number])) for number in range(options.count))
    spines = [spine.bodies for spine, style in drawn if style != "transitional"]
    missed = [
        (bodies, number)
        for bodies in spines
        for number, body in enumerate(bodies[1:-1], start=1)
        if body.fracture is not None and body.fracture.loss >= LOSS
    ]
    inner = [(bodies, number) for bodies, number in missed if 1 < number < len(bodies) - 2]
    outer = [(bodies, number) for bodies, number in missed if not 1 < number < len(bodies) - 2]
    print("| ratio | gap seen, nothing missed | noticed, inside the chain | noticed, next to its end |")
    print("|---|---|---|---|")
    for ratios in [*((ratio, ratio) for ratio in RATIOS), (GAP_RATIO, FIRST_GAP_RATIO)]:
        false = sum(noticed(bodies, None, ratios) for bodies in spines)
        cells = [sum(noticed(*case, ratios) for case in cases) for cases in (inner, outer)]
        row = f"{ratios[0]}, first link {ratios[1]} | {false}/{len(spines)}"
        print(f"| {row} | {cells[0]}/{len(inner)} | {cells[1]}/{len(outer)} |")


if __name__ == "__main__":
    main()
