"""Heights of hand-drawn labels and of ours against a caliper of its own: figures of docs/markers.md.

    python benchmarks/heights.py        the real lumbar spines, where they are present

The caliper knows nothing of the code that it checks: in the sagittal slice through the centroid of the
label it finds the four farthest points along the diagonals, turns with them, and takes the extent of the
voxels in bands of 2 mm at 15, 50 and 85 % of the depth. Each pixel counts with its area.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from segment import segmented
from spines import Case, real_cases

from qmri.config import MeasureSettings
from qmri.measure.quality.label_flags import failed_checks
from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.deformity import HeightLoss, height_losses
from qmri.measure.shape.morphometry import HEIGHTS_AT, measure_shape
from qmri.segment.label_table import LabelledBody
from qmri.spine.levels import LEVEL_ID

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


@dataclass
class Table:
    """What became of the bodies of all spines.

    Attributes
    ----------
    bodies, cut
        Number of all, and of those that the view cuts off, which have no heights.
    heights
        (3,) in mm by spine and level, where the caliper of the measurement bears all three out.
    errors
        (3,) against the caliper.
    graded, doubtful
        Bodies with a grade, in words; number of bodies near a limit.
    """

    bodies: int = 0
    cut: int = 0
    heights: dict[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)
    errors: list[NDArray[np.float64]] = field(default_factory=list)
    graded: list[str] = field(default_factory=list)
    doubtful: int = 0

    def add(self, case: Case, notes: Mapping[str, LabelledBody]) -> None:
        """Measure the labels of a spine, its ``truth``, and hold them against the caliper.

        What the segmentation has to say of its own labels is in ``notes``.
        """
        heights: dict[str, NDArray[np.float64]] = {}
        plain: dict[str, NDArray[np.float64]] = {}
        for body in find_bodies(case.truth, case.images.affine):
            self.bodies += 1
            if body.touches_edge or (body.level in notes and not notes[body.level].complete):
                self.cut += 1
                continue
            shape = measure_shape(body)
            if shape is None or not all(shape.agreement):
                continue
            heights[body.level] = self.heights[case.name, body.level] = shape.heights_mm(HEIGHTS_AT)
            plain[body.level] = caliper_mm(case, LEVEL_ID[body.level])
            self.errors.append(heights[body.level] - plain[body.level])
        losses, by_caliper = losses_of(heights), losses_of(plain)
        self.graded += [
            f"{case.name} {level} {loss.percent:.0f} %{' in doubt' if loss.grade_doubt else ''}"
            f"{' label failed' if level in notes and failed_checks(notes[level].flags) else ''}"
            f" ({by_caliper[level].percent:.0f} % by the caliper)"
            for level, loss in losses.items()
            if loss.grade
        ]
        self.doubtful += sum(loss.grade_doubt for loss in losses.values())

    def print_row(self, name: str) -> None:
        """Print the row of the table."""
        size = np.abs(self.errors)
        unknown = self.bodies - self.cut - len(size)
        print(
            f"| {name} | {self.bodies} | {self.cut} | {unknown} | {np.sum(size.max(axis=1) > FAR_MM)} "
            f"| {' / '.join(f'{value:.2f}' for value in size.mean(axis=0))} "
            f"| {len(self.graded)} | {self.doubtful} |"
        )


def losses_of(heights: dict[str, NDArray[np.float64]]) -> dict[str, HeightLoss]:
    """Return the loss of each level of a spine in which nothing is known to be fractured."""
    triples = {level: (float(h[0]), float(h[1]), float(h[2])) for level, h in heights.items()}
    return height_losses(triples, frozenset(), MeasureSettings().repeatability_height_mm)


def main() -> None:
    """Print the table."""
    drawn, ours = Table(), Table()
    for case in real_cases():
        drawn.add(case, {})
        result = segmented(case, "given")
        if result is not None:
            known = np.isin(result.labels, np.unique(case.truth))
            ours.add(
                replace(case, truth=np.where(known, result.labels, 0)),
                {body.name: body for body in result.bodies},
            )
    if not drawn.bodies:
        print("there are no real spines")
        return
    print("| labels | bodies | cut off | n/a | off by > 4 mm | MAE ant / mid / post mm | graded | in doubt |")
    print("|---|---|---|---|---|---|---|---|")
    drawn.print_row("drawn by hand")
    ours.print_row("ours, L5 given")
    off = np.abs([ours.heights[key] - drawn.heights[key] for key in ours.heights.keys() & drawn.heights])
    print(f"ours against those by hand, MAE mm: {' / '.join(f'{value:.2f}' for value in off.mean(axis=0))}")
    for name, table in (("by hand", drawn), ("ours", ours)):
        print(f"graded, {name}: {', '.join(table.graded)}")


if __name__ == "__main__":
    main()
