"""Outlines of the muscles beside the spine against the truth of simulated spines; real ones to look at.

    python benchmarks/muscles.py study --patients 8 --slices 14     echoes fitted, muscles found in the maps
    python benchmarks/muscles.py study --patients 8 --slices 28     the same, wide enough for whole muscles
    python benchmarks/muscles.py real DATA --out DIR                pictures of real spines (no truth exists)
    python benchmarks/muscles.py cost DATA                          time of the network with and without them

Dice is that of the muscle in view from L1 to L5, the area that of the section of 10 mm at the middle of a
body, the PDFF of the voxels called muscle is compared with the true PDFF of the true ones. Rows are by true
PDFF of the muscle; seeds are those of no training.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
from markers import fitted
from matplotlib.axes import Axes
from numpy.typing import NDArray

from qmri.images.grid import Grid
from qmri.segment.checks.label_agreement import dice
from qmri.segment.detect.channels import MUSCLE_CHANNELS
from qmri.segment.detect.detector import SpineImages
from qmri.segment.detect.network_maps import network_maps
from qmri.segment.detect.tissues import label_tissues
from qmri.simulate.study.muscle_truth import SECTION_MM, level_heights
from qmri.simulate.study.simulated_examination import Simulated, simulate_examination
from qmri.simulate.study.study_plan import StudyOptions, plan_study
from qmri.spine.tissue_labels import MUSCLE_ID, MUSCLES

SEED = 404
FAT_BOUNDS_PCT = (0.0, 12.0, 25.0, 40.0, 100.0)
LEAST_SECTION_MM2 = 150.0
LEAST_MM3 = 3000.0
AREA_LEVELS = ("L3", "L4")
PDFF_LEVELS = ("L2", "L3", "L4", "L5")
COLOURS = ("none", "red", "gold", "cyan", "lime")

Key = tuple[str, int]


class Scores:
    """Figures gathered over examinations, by muscle and range of fat."""

    def __init__(self) -> None:
        self.dice: dict[Key, list[float]] = defaultdict(list)
        self.area: dict[Key, list[float]] = defaultdict(list)
        self.pdff: dict[Key, list[float]] = defaultdict(list)

    def add(self, simulated: Simulated, found: NDArray[np.uint8], pdff: NDArray[np.float64]) -> None:
        """Score one examination."""
        truth, true_pdff = simulated.rendering.tissues, simulated.truth.pdff
        height = heights(simulated.grid)
        levels = level_heights(simulated.spine)
        voxel = float(np.prod(simulated.grid.voxel_size_mm))
        lumbar = (height > min(low for _, low, _ in levels.values())) & (
            height < max(high for _, _, high in levels.values())
        )
        for (muscle, _), number in MUSCLE_ID.items():
            true, seen = (truth == number) & lumbar, (found == number) & lumbar
            if voxel * np.count_nonzero(true) < LEAST_MM3:
                continue
            key = (muscle, int(np.searchsorted(FAT_BOUNDS_PCT, true_pdff[true].mean()) - 1))
            self.dice[key].append(dice(true, seen))
            for level, (middle, low, high) in levels.items():
                section = np.abs(height - middle) < SECTION_MM / 2
                area = voxel * np.count_nonzero(true & section) / SECTION_MM
                if level in AREA_LEVELS and area >= LEAST_SECTION_MM2:
                    self.area[key].append(
                        100 * (voxel * np.count_nonzero(seen & section) / SECTION_MM / area - 1)
                    )
                part = (height >= low) & (height < high)
                if level in PDFF_LEVELS and voxel * np.count_nonzero(true & part) >= LEAST_MM3:
                    if not np.any(seen & part):
                        continue
                    bias = pdff[seen & part].mean() - true_pdff[true & part].mean()
                    self.pdff[key].append(float(bias))

    def table(self) -> None:
        """Print the figures."""
        print("| muscle | true PDFF % | n | Dice, worst | area error %, mean and MAE | PDFF bias, MAE |")
        print("|---|---|---|---|---|---|")
        for muscle in MUSCLES:
            keys = sorted(key for key in self.dice if key[0] == muscle)
            for key in keys:
                low, high = FAT_BOUNDS_PCT[key[1]], FAT_BOUNDS_PCT[key[1] + 1]
                self._row(muscle, f"{low:.0f}-{high:.0f}", [key])
            if keys:
                self._row(muscle, "all", keys)

    def _row(self, muscle: str, fat: str, keys: list[Key]) -> None:
        overlap, area, pdff = (
            np.array([value for key in keys for value in values[key]])
            for values in (self.dice, self.area, self.pdff)
        )
        cells = [muscle, fat, str(len(overlap)), f"{overlap.mean():.3f}, {overlap.min():.2f}"]
        for values in (area, pdff):
            cells.append(f"{values.mean():+.1f}, {np.abs(values).mean():.1f}" if values.size else "-")
        print("| " + " | ".join(cells) + " |", flush=True)


def heights(grid: Grid) -> NDArray[np.float64]:
    """Height of each voxel, mm; (x, y, z)."""
    index = np.indices(grid.shape)
    return np.asarray(np.tensordot(grid.affine[2, :3], index, axes=1) + grid.affine[2, 3])


def score_study(patients: int, slices: int) -> None:
    """Fit simulated echoes and score the muscles found in their maps."""
    scores = Scores()
    for plan in plan_study(StudyOptions(patients=patients, seed=SEED, forms=("sources",), slices=slices)):
        simulated = simulate_examination(plan)
        maps, _ = fitted(simulated, plan.rng("noise"))
        images = SpineImages(maps.water, maps.affine, maps.fat, maps.pdff)
        scores.add(simulated, label_tissues(images), maps.pdff)
    print(f"{patients} patients, {slices} slices of 4 mm")
    scores.table()


def real_pictures(data: Path, out: Path) -> None:
    """Save the muscles on axial and sagittal slices of real water images."""
    out.mkdir(parents=True, exist_ok=True)
    for folder in sorted(data.glob("case*")):
        image, labels = nib.load(folder / "water.nii.gz"), nib.load(folder / "labels.nii.gz")
        water, bodies = image.get_fdata(dtype=np.float32), np.asarray(labels.dataobj)
        found = label_tissues(SpineImages(water, image.affine)) // 10
        figure, axes = plt.subplots(2, 6, figsize=(18, 9))
        middle = np.argwhere(bodies > 0).mean(axis=0)
        for column, level in enumerate((20, 21, 22, 23, 24)):
            here = np.argwhere(bodies == level)
            row = int(here[:, 2].mean()) if len(here) else 0
            show(axes[:, column], water[:, :, row], found[:, :, row])
        aside = int(middle[0] + 15)
        show(axes[:, 5], water[aside], found[aside])
        figure.tight_layout()
        figure.savefig(out / f"{folder.name}.png", dpi=50)
        plt.close(figure)


def show(axes: list[Axes], image: NDArray[np.float32], labels: NDArray[np.uint8]) -> None:
    """Draw a slice without and with outlines."""
    for number, axis in enumerate(axes):
        axis.imshow(image.T, origin="lower", cmap="gray", vmax=np.quantile(image, 0.99))
        axis.axis("off")
        for muscle in range(1, MUSCLE_CHANNELS) if number else ():
            if np.any(labels == muscle):
                axis.contour((labels == muscle).T, levels=[0.5], colors=COLOURS[muscle], linewidths=1)


def cost(data: Path) -> None:
    """Print the time of the network and of the label map after it."""
    image = nib.load(sorted(data.glob("case*"))[0] / "water.nii.gz")
    water = image.get_fdata(dtype=np.float32)
    for _ in range(3):
        images = SpineImages(water, image.affine)
        began = time.perf_counter()
        network_maps(images)
        network = time.perf_counter() - began
        label_tissues(images)
        after = time.perf_counter() - began - network
        print(f"network {network:.2f} s, label map {after:.2f} s")


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    study = verbs.add_parser("study")
    study.add_argument("--patients", type=int, default=8)
    study.add_argument("--slices", type=int, default=14)
    real = verbs.add_parser("real")
    real.add_argument("data", type=Path)
    real.add_argument("--out", type=Path, required=True)
    time_of = verbs.add_parser("cost")
    time_of.add_argument("data", type=Path)
    options = parser.parse_args()
    if options.verb == "study":
        score_study(options.patients, options.slices)
    elif options.verb == "real":
        real_pictures(options.data, options.out)
    else:
        cost(options.data)


if __name__ == "__main__":
    main()
