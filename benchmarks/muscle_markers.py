"""The muscle markers against simulated trunks and phantoms of known truth: figures of docs/markers.md.

    python benchmarks/muscle_markers.py truth --patients 4 --slices 36     fat and section, echoes fitted
    python benchmarks/muscle_markers.py slabs --patients 4                 coverage in slabs of 40 to 120 mm
    python benchmarks/muscle_markers.py sensitivity                        noise, outline, clipped maps
    python benchmarks/muscle_markers.py picture                            docs/images/muscles.svg

The truth is that of the anatomy rendered whole at 1.5 mm, across the axis of each body; the compartments on
the grid of the scanner are handed in as labels.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from markers import fitted
from scipy import ndimage

from qmri.config import MeasureSettings
from qmri.images.grid import Grid
from qmri.measure.data import ExaminationData, Identity
from qmri.measure.examination import measure_examination
from qmri.measure.images import Maps
from qmri.simulate.anatomy import render
from qmri.simulate.anatomy.tissues import Tissue
from qmri.simulate.imaging.tissue_signal import TISSUE_SIGNALS
from qmri.simulate.study.simulated_examination import Simulated, simulate_examination
from qmri.simulate.study.study_plan import StudyOptions, plan_study
from qmri.spine.tissue_labels import MUSCLE_ID

SPACING_MM, ASIDE_MM, BEHIND_MM, AHEAD_MM, BEYOND_MM = 1.5, 100.0, 110.0, 60.0, 40.0
REACH_MM = 6.0
LEVELS = ("L2", "L3", "L4", "L5")
SHOWN = ("multifidus", "erector_spinae", "psoas")
SLICE_MM = 4.0


def say(*words: object) -> None:
    """Print a line at once."""
    print(*words, flush=True)


@dataclass(frozen=True)
class TrueSection:
    """A muscle of a side beside a level: section in mm2, mean PDFF in percent, points of the section."""

    area_mm2: float
    pdff_pct: float
    lean_mm2: float
    points_mm: np.ndarray
    weight: np.ndarray

    def in_view(self, grid: Grid) -> float:
        """Return the share of the section between the outer faces of the first and last slice."""
        slices = grid.to_index(self.points_mm)[:, 2]
        inside = (slices > -0.5) & (slices < grid.shape[2] - 0.5)
        return float(self.weight[inside].sum() / self.weight.sum())


def anatomy_truth(simulated: Simulated) -> dict[tuple[str, str, str], TrueSection]:
    """Return what is true of every muscle beside every lumbar level, by the whole anatomy."""
    spine = simulated.spine
    centres = np.array([spine.body(level).centre_mm for level in LEVELS])
    low = centres.min(axis=0) - [ASIDE_MM, BEHIND_MM, BEYOND_MM]
    high = np.add(centres.max(axis=0), [ASIDE_MM, AHEAD_MM, BEYOND_MM])
    affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
    affine[:3, 3] = low
    drawn = render(spine, affine, tuple(int(n) for n in np.ceil((high - low) / SPACING_MM)))
    signals = {tissue: TISSUE_SIGNALS[tissue] for tissue in (Tissue.MUSCLE, Tissue.VISCERAL_FAT)}
    amounts = {tissue: drawn.fractions[tissue] * signal.signal for tissue, signal in signals.items()}
    fat = sum(amounts[tissue] * signals[tissue].pdff_pct for tissue in signals)
    pdff = fat / np.maximum(sum(amounts.values()), 1e-6)
    true = {}
    for (muscle, side), label in MUSCLE_ID.items():
        mask = drawn.tissues == label
        inner = ndimage.binary_erosion(mask)[mask]
        points = np.argwhere(mask) * SPACING_MM + low
        for level in LEVELS:
            body, between = spine.body(level), beside_level(simulated, level)
            distance = np.abs((points - body.centre_mm) @ body.axes[2])
            weight = np.clip(1 - distance / REACH_MM, 0, None) / REACH_MM * SPACING_MM**3
            there, beside = weight > 0, inner & between(points)
            if not (there & inner).any():
                continue
            section = float(np.average(pdff[mask][inner], weights=weight[inner]))
            area = float(weight.sum())
            true[level, muscle, side] = TrueSection(
                area,
                float(pdff[mask][beside].mean()),
                area * (1 - section / 100),
                points[there],
                weight[there],
            )
    return true


def beside_level(simulated: Simulated, level: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return what tells whether points (n, 3) lie between the planes halfway to the neighbouring bodies."""
    bodies = [*simulated.spine.bodies, *simulated.spine.sacrum[:1]]
    number = next(n for n, body in enumerate(bodies) if body.level == level)
    own, planes = bodies[number], []
    for other in (bodies[number - 1], bodies[number + 1]):
        normal = own.axes[2] + other.axes[2]
        planes.append(((own.centre_mm + other.centre_mm) / 2, normal / np.linalg.norm(normal)))
    (above, up), (below, down) = planes
    return lambda points: ((points - above) @ up < 0) & ((points - below) @ down >= 0)


def measured(
    simulated: Simulated, maps: Maps, settings: MeasureSettings, tissues: np.ndarray | None = None
) -> dict[tuple[str, str, str], dict[str, object]]:
    """Measure an examination with its true labels; rows by level, muscle and side."""
    labels = simulated.rendering.labels.astype(np.int32)
    chosen = simulated.rendering.tissues if tissues is None else tissues
    data = ExaminationData(Identity("01", "pre"), maps, labels, tissues=chosen)
    rows = measure_examination(data, settings).muscles
    return {(str(row["level"]), str(row["muscle"]), str(row["side"])): row for row in rows}


def plans(patients: int, slices: int | None, seed: int = 23):
    """Return plans of examinations whose echoes are exported."""
    return plan_study(StudyOptions(patients=patients, seed=seed, forms=("sources",), slices=slices))


def line(name: str, values: list[float], unit: str) -> None:
    """Print bias, mean absolute error and worst of differences."""
    size = np.abs(values)
    say(
        f"{name:44} n {len(values):3d}  bias {np.mean(values):+6.2f}  MAE {size.mean():5.2f}  "
        f"worst {size.max():5.2f} {unit}"
    )


def compare_with_truth(patients: int, slices: int) -> None:
    """Print the errors of fat, section and fat-free section under fitted echoes."""
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    for plan in plans(patients, slices):
        simulated = simulate_examination(plan)
        maps, _ = fitted(simulated, plan.rng("noise"))
        rows, true = measured(simulated, maps, MeasureSettings()), anatomy_truth(simulated)
        for (level, muscle, side), each in true.items():
            row = rows[level, muscle, side]
            if "pdff_mean_pct" in row:
                errors[muscle, "mean PDFF, points"].append(float(row["pdff_mean_pct"]) - each.pdff_pct)
            if "area_mm2" in row:
                errors[muscle, "area, %"].append(100 * (float(row["area_mm2"]) / each.area_mm2 - 1))
            if "functional_area_mm2" in row:
                relative = float(row["functional_area_mm2"]) / each.lean_mm2 - 1
                errors[muscle, "functional area, %"].append(100 * relative)
    for (muscle, name), values in sorted(errors.items()):
        line(f"{muscle}, {name}", values, "")


def main() -> None:
    """Run the command that the line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("truth", "slabs", "sensitivity", "picture"))
    parser.add_argument("--patients", type=int, default=4)
    parser.add_argument("--slices", type=int, default=36)
    options = parser.parse_args()
    if options.what == "truth":
        compare_with_truth(options.patients, options.slices)


if __name__ == "__main__":
    main()
