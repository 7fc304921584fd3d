"""Heights of hand-drawn labels against a caliper of its own: figures of docs/markers.md.

    python benchmarks/heights.py        the real lumbar spines, where they are present

The caliper knows nothing of the code that it checks: in the sagittal slice through the centroid of the
label it finds the four farthest points along the diagonals, turns with them, and takes the extent of the
voxels in bands of 2 mm at 15, 50 and 85 % of the depth. Each pixel counts with its area.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from segment import Case, real_cases

from qmri.config import MeasureSettings
from qmri.levels import LEVEL_ID
from qmri.measure.bodies import find_bodies
from qmri.measure.deformity import height_losses
from qmri.measure.morphometry import HEIGHTS_AT, measure_shape

PARTS = 5
TURNS = 6
FAR_MM = 4.0


def caliper_mm(case: Case, number: int) -> NDArray[np.float64]:
    """Return the heights (3,) of a label in mm; the images are sagittal, their second axis anterior."""
    index = np.argwhere(case.truth == number)
    pixels = index[index[:, 0] == round(index[:, 0].mean())][:, 1:]
    part = (np.arange(PARTS) + 0.5) / PARTS - 0.5
    parts = np.stack(np.meshgrid(part, part, indexing="ij"), axis=-1).reshape(-1, 2)
    affine = case.images.affine
    place = (pixels[:, None] + parts).reshape(-1, 2) @ affine[1:3, 1:3].T
    forward, up = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    for _ in range(TURNS):
        corner = {
            (front, top): place[np.argmax(place @ (front * forward + top * up))]
            for front in (-1, 1)
            for top in (-1, 1)
        }
        chord = corner[1, 1] - corner[-1, 1] + corner[1, -1] - corner[-1, -1]
        forward = chord / np.linalg.norm(chord)
        up = np.array([-forward[1], forward[0]])
    front, back = ((corner[side, 1] + corner[side, -1]) @ forward / 2 for side in (1, -1))
    along, height = place @ forward, place @ up
    return np.array(
        [np.ptp(height[np.abs(along - front + share * (front - back)) <= 1.0]) for share in HEIGHTS_AT]
    )


def main() -> None:
    """Print the table."""
    errors, graded, doubtful, missing, bodies = [], [], 0, 0, 0
    for case in real_cases():
        heights = {}
        for body in find_bodies(case.truth, case.images.affine):
            bodies += 1
            shape = measure_shape(body)
            if shape is None or not all(shape.agreement):
                missing += 1
                continue
            values = [float(height) for height in shape.heights_mm(HEIGHTS_AT)]
            heights[body.level] = (values[0], values[1], values[2])
            errors.append(np.array(values) - caliper_mm(case, LEVEL_ID[body.level]))
        losses = height_losses(heights, frozenset(), MeasureSettings().repeatability_height_mm)
        graded += [
            f"{case.name} {level} {loss.percent:.0f} %{' in doubt' if loss.grade_doubt else ''}"
            for level, loss in losses.items()
            if loss.grade
        ]
        doubtful += sum(loss.grade_doubt for loss in losses.values())
    if not bodies:
        print("there are no real spines")
        return
    size = np.abs(errors)
    print("| bodies | n/a | off by > 4 mm | MAE ant / mid / post mm | graded | in doubt |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {bodies} | {missing} | {np.sum(size.max(axis=1) > FAR_MM)} "
        f"| {' / '.join(f'{value:.2f}' for value in size.mean(axis=0))} | {len(graded)} | {doubtful} |"
    )
    print(f"graded: {', '.join(graded)}")


if __name__ == "__main__":
    main()
