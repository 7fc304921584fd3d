"""Pictures of simulated collapsed bodies as qmri cuts them: best, median and worst height loss.

    python benchmarks/fractured_pictures.py --patients 6

L5 is told. A body's loss, by its true label and by ours, is that of the tables.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from segment import heights_of, segmented
from spines import ROOT, Case, study_cases

from qmri.config import MeasureSettings
from qmri.measure.shape.deformity import Heights, height_losses
from qmri.segment.checks.label_agreement import dice
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME

AROUND_MM = 45.0


@dataclass(frozen=True)
class Cut:
    """One fractured body with the labels of its examination; losses in percent."""

    case: Case
    labels: NDArray[np.int16]
    level: str
    true_loss: float
    loss: float

    @property
    def error(self) -> float:
        """Absolute error of the loss, points."""
        return abs(self.loss - self.true_loss)


def losses_of(labels: NDArray[np.int16], case: Case) -> dict[str, float]:
    """Return the height loss of each level, percent."""
    heights: dict[str, Heights] = {
        level: (float(h[0]), float(h[1]), float(h[2])) for level, h in heights_of(labels, case).items()
    }
    fractured = frozenset(LEVEL_NAME[number] for number, kind in case.kind.items() if kind == "fractured")
    found = height_losses(heights, fractured, MeasureSettings().repeatability_height_mm)
    return {level: loss.percent for level, loss in found.items()}


def fractured_cuts(patients: int) -> list[Cut]:
    """Return the fractured bodies of a study that were found, the best first."""
    cuts = []
    for case in study_cases(patients):
        result = segmented(case, "given")
        if result is None:
            continue
        true, ours = losses_of(case.truth, case), losses_of(result.labels, case)
        for number, kind in case.kind.items():
            level = LEVEL_NAME[number]
            if kind == "fractured" and level in true and level in ours:
                cuts.append(Cut(case, result.labels, level, true[level], ours[level]))
    return sorted(cuts, key=lambda cut: cut.error)


def draw(axis: plt.Axes, cut: Cut, word: str) -> None:
    """Draw the middle sagittal slice around a body."""
    number, affine = LEVEL_ID[cut.level], cut.case.images.affine
    centre = np.argwhere(cut.case.truth == number).mean(axis=0)
    reach = AROUND_MM / voxel_sizes(affine)
    window = tuple(
        slice(max(round(middle - size), 0), round(middle + size))
        for middle, size in zip(centre[:2], reach[:2], strict=True)
    )
    place = (*window, round(centre[2]))
    shown = cut.case.images.water[place].T
    aspect = float(reach[0] / reach[1])
    axis.imshow(shown, cmap="gray", vmax=np.percentile(shown, 99.5), aspect=aspect)
    for labels, colour in ((cut.case.truth, "tab:orange"), (cut.labels, "cyan")):
        for other in np.unique(labels[place][labels[place] > 0]):
            width = 1.3 if other == number else 0.5
            axis.contour((labels[place] == other).T, [0.5], colors=colour, linewidths=width)
    overlap = dice(cut.case.truth == number, cut.labels == number)
    axis.set_title(
        f"{word}: {cut.level} lost {cut.true_loss:.0f} %, cut {cut.loss:.0f} %\nDice {overlap:.2f}",
        fontsize=9,
    )
    axis.axis("off")


def main() -> None:
    """Make the picture and print its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=6)
    cuts = fractured_cuts(parser.parse_args().patients)
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), layout="constrained")
    for axis, word, cut in zip(
        axes, ("best", "median", "worst"), (cuts[0], cuts[len(cuts) // 2], cuts[-1]), strict=True
    ):
        draw(axis, cut, word)
    path = ROOT / "docs" / "images" / "fractured_bodies.png"
    figure.savefig(path, dpi=100, metadata={"Software": None})
    mean = np.mean([cut.error for cut in cuts])
    print(f"{path.relative_to(ROOT)}: {len(cuts)} bodies, mean error of the loss {mean:.1f} points")


if __name__ == "__main__":
    main()
