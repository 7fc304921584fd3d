"""The muscle markers against simulated trunks and phantoms of known truth: figures of docs/markers.md.

    python benchmarks/muscle_markers.py truth --patients 4 --slices 36     fat and section, echoes fitted
    python benchmarks/muscle_markers.py truth --network                    the same, outlines of the network
    python benchmarks/muscle_markers.py slabs --patients 4                 coverage in slabs of 40 to 120 mm
    python benchmarks/muscle_markers.py sensitivity                        noise, outline, clipped maps
    python benchmarks/muscle_markers.py picture                            docs/images/muscles.png

The truth is that of the anatomy rendered whole at 1.5 mm, across the axis of each body; the compartments on
the grid of the scanner are handed in as labels.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from markers import fitted
from scipy import ndimage

from qmri.config import MeasureSettings
from qmri.images.grid import Grid
from qmri.measure.data import ExaminationData, Identity
from qmri.measure.examination import measure_examination
from qmri.measure.images import Maps
from qmri.measure.muscle.slabs import level_slabs
from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.morphometry import measure_shape
from qmri.report.examination.muscle_section import mid_section
from qmri.segment.detect.detector import SpineImages
from qmri.segment.detect.tissues import label_tissues
from qmri.simulate.anatomy import render
from qmri.simulate.imaging.physics import muscle_pdff
from qmri.simulate.study.simulated_examination import Simulated, simulate_examination
from qmri.simulate.study.study_plan import StudyOptions, plan_study
from qmri.spine.levels import LEVEL_ID
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
    pdff = muscle_pdff(drawn.muscle_fat)
    true = {}
    for (muscle, side), label in MUSCLE_ID.items():
        mask = drawn.tissues == label
        points = np.argwhere(mask) * SPACING_MM + low
        for level in LEVELS:
            body, beside = spine.body(level), beside_level(simulated, level)(points)
            distance = np.abs((points - body.centre_mm) @ body.axes[2])
            weight = np.clip(1 - distance / REACH_MM, 0, None) / REACH_MM * SPACING_MM**3
            there = weight > 0
            if not there.any():
                continue
            section = float(np.average(pdff[mask], weights=weight))
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


def line(name: str, values: list[float], limit: float) -> None:
    """Print bias, mean absolute error, worst, and the share within a limit of differences."""
    size = np.abs(values)
    say(
        f"{name:44} n {len(values):3d}  bias {np.mean(values):+6.2f}  MAE {size.mean():5.2f}  "
        f"worst {size.max():5.2f}  within {limit:g}: {np.mean(size <= limit):.2f}"
    )


def compare_with_truth(patients: int, slices: int, *, network: bool) -> None:
    """Print the errors of fat, section and fat-free section under fitted echoes."""
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    beyond: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for plan in plans(patients, slices):
        simulated = simulate_examination(plan)
        maps, _ = fitted(simulated, plan.rng("noise"))
        seen = label_tissues(SpineImages(maps.water, maps.affine, maps.fat, maps.pdff)) if network else None
        rows, true = measured(simulated, maps, MeasureSettings(), seen), anatomy_truth(simulated)
        for (level, muscle, side), each in true.items():
            row = rows[level, muscle, side]
            if "pdff_mean_pct" in row:
                error = float(row["pdff_mean_pct"]) - each.pdff_pct
                errors[muscle, "mean PDFF, points"].append(error)
                beyond[muscle, "mean PDFF, points"].append(abs(error) > 2 * float(row["pdff_se_total_pct"]))
            if "area_mm2" in row:
                error = float(row["area_mm2"]) - each.area_mm2
                errors[muscle, "area, %"].append(100 * error / each.area_mm2)
                beyond[muscle, "area, %"].append(abs(error) > 2 * float(row["area_se_mm2"]))
            if "functional_area_mm2" in row:
                relative = float(row["functional_area_mm2"]) / each.lean_mm2 - 1
                errors[muscle, "functional area, %"].append(100 * relative)
        for level, muscle, side in true:
            pair = [(level, name, side) for name in ("multifidus", "erector_spinae")]
            areas = [(rows[key].get("area_mm2"), true[key].area_mm2) for key in pair if key in true]
            if muscle == "multifidus" and len(areas) == 2 and all(area for area, _ in areas):
                ratio = sum(float(area) for area, _ in areas) / sum(truth for _, truth in areas)
                errors["multifidus and erector_spinae", "area, %"].append(100 * (ratio - 1))
    for key, far in sorted(beyond.items()):
        say(f"{', '.join(key)}: off by more than 2 of its errors {np.mean(far):.2f}")
    for (muscle, name), values in sorted(errors.items()):
        line(f"{muscle}, {name}", values, 8.0 if name.endswith("%") else 2.0)


BANDS = (0.0, 0.3, 0.5, 0.7, 0.85, 0.97, 1.01)


def cropped(simulated: Simulated, first: int, count: int) -> Simulated:
    """Return an examination of some of its slices."""
    part = slice(first, first + count)
    affine = simulated.grid.affine.copy()
    affine[:3, 3] += first * affine[:3, 2]
    columns, rows, _ = simulated.grid.shape
    rendering, truth = simulated.rendering, simulated.truth
    return replace(
        simulated,
        grid=Grid((columns, rows, count), affine),
        rendering=replace(
            rendering, labels=rendering.labels[..., part], tissues=rendering.tissues[..., part]
        ),
        truth=replace(
            truth, **{name: value[..., part] for name, value in vars(truth).items() if np.ndim(value) == 3}
        ),
    )


def true_maps(simulated: Simulated, noise_pct: float = 0.0, seed: int = 0) -> Maps:
    """Return maps of the truth on the grid of the scanner, PDFF with noise."""
    truth = simulated.truth
    noise = np.random.default_rng(seed).normal(0, noise_pct, truth.pdff.shape) if noise_pct else 0.0
    return Maps(affine=simulated.grid.affine, pdff=truth.pdff + noise, r2star=truth.r2star)


def compare_slabs(patients: int) -> None:
    """Print how the coverage of cropped slabs compares with the share of the section that is in view."""
    found: dict[tuple[str, int], list[tuple[float, ...]]] = defaultdict(list)
    for plan in plans(patients, 40, seed=41):
        whole = simulate_examination(plan)
        true = anatomy_truth(whole)
        for count in (10, 13, 16, 20, 24, 30):
            for shift in (0, 3):
                part = cropped(whole, 20 - count // 2 + shift, count)
                rows = measured(part, true_maps(part), MeasureSettings(bootstrap_samples=50))
                for key, each in true.items():
                    row, share = rows[key], each.in_view(part.grid)
                    band = int(np.digitize(share, BANDS)) - 1
                    if "coverage_frac" in row:
                        values = (row["coverage_frac"], row["coverage_se_frac"], row.get("area_mm2", np.nan))
                        error = float(row.get("pdff_mean_pct", np.nan)) - each.pdff_pct
                        for name in (key[1], "all"):
                            found[name, band].append((share, *map(float, values), each.area_mm2, error))
    for (muscle, band), values in sorted(found.items()):
        share, coverage, error, area, true_area, fat = np.array(values).T
        beyond = np.mean(np.abs(coverage - share) > 2 * np.maximum(error, 0.02))
        change, given = 100 * (area / true_area - 1), np.isfinite(area)
        sizes = f"area n {given.sum():3d}"
        if given.any():
            sizes += f" bias {np.nanmean(change):+5.1f} % worst {np.nanmax(np.abs(change)):4.1f} %"
        fats = fat[np.isfinite(fat)]
        if fats.size:
            sizes += f"   PDFF n {fats.size:3d} bias {fats.mean():+5.2f} MAE {np.abs(fats).mean():4.2f}"
        say(
            f"{muscle:18} in view {BANDS[band]:.2f}-{min(BANDS[band + 1], 1):.2f}  n {len(share):3d}  "
            f"bias {np.mean(coverage - share):+.3f}  MAE {np.mean(np.abs(coverage - share)):.3f}  "
            f"stated {error.mean():.3f}  beyond 2 se {beyond:.2f}   {sizes}"
        )


def moved(labels: np.ndarray, steps: tuple[int, int, int]) -> np.ndarray:
    """Return labels (x, y, z) shifted by voxels."""
    return np.roll(labels, steps, axis=(0, 1, 2))


def grown(labels: np.ndarray) -> np.ndarray:
    """Return labels (x, y, z) a pixel larger within the slices, where no other label is."""
    cross = ndimage.generate_binary_structure(2, 1)[:, :, None]
    larger = ndimage.grey_dilation(labels, footprint=cross)
    return np.where(labels > 0, labels, larger)


def shrunk(labels: np.ndarray) -> np.ndarray:
    """Return labels (x, y, z) a pixel smaller within the slices."""
    cross = ndimage.generate_binary_structure(2, 1)[:, :, None]
    kept = np.zeros_like(labels)
    for label in MUSCLE_ID.values():
        kept[ndimage.binary_erosion(labels == label, cross)] = label
    return kept


def sensitivity(patients: int) -> None:
    """Print what noise, a wrong outline and the maps of a scanner change."""
    changes: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    settings = MeasureSettings(bootstrap_samples=50)
    for plan in plans(patients, 36):
        simulated = simulate_examination(plan)
        tissues, maps = simulated.rendering.tissues, true_maps(simulated)
        base = measured(simulated, maps, settings)
        rounded = replace(maps, pdff=np.rint(np.clip(true_maps(simulated, 4.0).pdff, 0, 100)))
        cases = {
            "noise of 4 points": (true_maps(simulated, 4.0), tissues),
            "noise of 12 points": (true_maps(simulated, 12.0), tissues),
            "noise of 4 points, clipped and rounded": (rounded, tissues),
            "outline a pixel larger": (maps, grown(tissues)),
            "outline a pixel smaller": (maps, shrunk(tissues)),
            "outline a pixel behind": (maps, moved(tissues, (1, 0, 0))),
            "outline a slice aside": (maps, moved(tissues, (0, 0, 1))),
        }
        for case, (changed, labels) in cases.items():
            rows = measured(simulated, changed, settings, labels)
            for (level, muscle, side), row in rows.items():
                own = base[level, muscle, side]
                if muscle not in SHOWN or side == "both":
                    continue
                if "pdff_median_pct" in row and "pdff_median_pct" in own:
                    change = float(row["pdff_median_pct"]) - float(own["pdff_median_pct"])
                    changes[case, muscle, "median PDFF, points"].append(change)
                if "functional_area_mm2" in row and "functional_area_mm2" in own:
                    change = float(row["functional_area_mm2"]) / float(own["functional_area_mm2"]) - 1
                    changes[case, muscle, "functional area, %"].append(100 * change)
    for (case, muscle, name), values in changes.items():
        line(f"{case}: {muscle}, {name}", values, 8.0 if name.endswith("%") else 2.0)


def picture(path: Path) -> None:
    """Draw the sections of a simulated patient at L3 and L4, and where a slab of 52 mm ends."""
    simulated = simulate_examination(next(iter(plans(1, 36))))
    labels = simulated.rendering.labels.astype(np.int32)
    tissues = simulated.rendering.tissues.astype(np.int32)
    affine = simulated.grid.affine
    shapes = {body.level: measure_shape(body) for body in find_bodies(labels, affine)}
    slabs = level_slabs({level: shape for level, shape in shapes.items() if shape is not None})
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 4.6), layout="constrained")
    for level, axis in zip(("L3", "L4"), axes, strict=True):
        pdff, bodies, muscles = mid_section(
            slabs[level], np.linalg.inv(affine), simulated.truth.pdff, labels, tissues
        )
        shown = axis.imshow(pdff, vmin=0, vmax=100, cmap="viridis")
        for mask in (bodies == LEVEL_ID[level], *(muscles == number for number in MUSCLE_ID.values())):
            if mask.any():
                axis.contour(mask, [0.5], colors="white", linewidths=0.9)
        middle = float(np.argwhere(bodies > 0)[:, 1].mean())
        for edge in (-26, 26):
            axis.axvline(middle + edge, color="white", linestyle=":", linewidth=1)
        axis.set(title=f"{level}, across its axis", xticks=[], yticks=[])
    figure.colorbar(shown, ax=axes, label="PDFF, %", shrink=0.8)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run the command that the line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("truth", "slabs", "sensitivity", "picture"))
    parser.add_argument("--patients", type=int, default=4)
    parser.add_argument("--slices", type=int, default=36)
    parser.add_argument("--network", action="store_true", help="outlines of the network, not the true ones")
    options = parser.parse_args()
    if options.what == "truth":
        compare_with_truth(options.patients, options.slices, network=options.network)
    elif options.what == "slabs":
        compare_slabs(options.patients)
    elif options.what == "sensitivity":
        sensitivity(options.patients)
    else:
        picture(Path(__file__).parents[1] / "docs" / "images" / "muscles.png")


if __name__ == "__main__":
    main()
