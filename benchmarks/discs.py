"""Discs, endplates and fused bodies on simulated and real spines: figures of docs/markers.md.

    python benchmarks/discs.py simulated --spines 6     a block, a bridge, a node, and clean spines
    python benchmarks/discs.py real --spines 29         labels of healthy spines, where present
    python benchmarks/discs.py sensitivity --spines 3   noise, and outlines that are a voxel off
    python benchmarks/discs.py picture                  docs/images/discs.png

The real spines have a water image alone. There a PDFF stands in that follows from it: 1 minus water over the
water of the discs around, which is that of a tissue of the same signal in all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from matplotlib import pyplot
from numpy.typing import NDArray
from scipy import ndimage
from segment import segmented
from spines import REAL, ROOT, Case, real_cases

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData, ExaminationRows, Identity, LabelNote
from qmri.measure.examination import measure_examination
from qmri.measure.images import ImageNoise, Maps, Origin
from qmri.outputs.tables import Cell
from qmri.segment.detect.tissues import label_tissues
from qmri.simulate.anatomy import SpineRecipe, Tissue, draw_spine, render
from qmri.simulate.imaging.tissue_signal import TISSUE_SIGNALS
from qmri.spine.tissue_labels import CANAL, DISC

SETTINGS = MeasureSettings(bootstrap_samples=50)
FLAGS = ("fused_bodies", "bridging_osteophyte", "endplate_defect")
GRID, EDGES = (17, 104, 176), (4.0, 1.5, 1.5)
MARROW_PCT, NOISE = 45.0, 1 / 28
NEAR_MM = 25.0
KINDS = {"clean": {}, "block": {"fused": {"L2": "block"}}, "bridge": {"fused": {"L2": "bridge"}}}


@dataclass(frozen=True)
class Simulated:
    """A simulated spine on a grid: signals without noise, labels of bodies and tissues."""

    affine: NDArray[np.float64]
    water: NDArray[np.float64]
    fat: NDArray[np.float64]
    labels: NDArray[np.int16]
    tissues: NDArray[np.uint8]


def simulate(seed: int, kind: str) -> Simulated:
    """Return a spine of a kind, its third lumbar body in the middle; "node" puts one into the top of L3."""
    recipe = SpineRecipe(top_level="T11", node=0.0, osteophyte=0.0, collapsed=0.0, **KINDS.get(kind, {}))
    spine = draw_spine(np.random.default_rng(seed), recipe)
    if kind == "node":
        bodies = tuple(
            replace(body, node=(0.0, 0.1, 5.0, 4.0)) if body.level == "L3" else body for body in spine.bodies
        )
        spine = replace(spine, bodies=bodies)
    affine = np.diag([*EDGES, 1.0])
    affine[:3, 3] = -(np.array(GRID) - 1) * EDGES / 2 + spine.body("L2").centre_mm
    drawn = render(spine, affine, GRID, supersample=(4, 1, 1))
    water, fat = np.zeros(GRID), np.zeros(GRID)
    for tissue, share in drawn.fractions.items():
        known = TISSUE_SIGNALS.get(tissue)
        signal, pdff = (1.0, MARROW_PCT) if known is None else (known.signal, known.pdff_pct)
        fat += share * signal * pdff / 100
        water += share * signal * (1 - pdff / 100)
    canal = drawn.fraction(Tissue.CSF, Tissue.CORD) > 0.5
    disc = drawn.fraction(Tissue.DISC, Tissue.ANNULUS) > 0.5
    tissues = np.where(canal, CANAL, np.where(disc, DISC, 0)).astype(np.uint8)
    return Simulated(affine, water, fat, drawn.labels, tissues)


def measure(
    spine: Simulated, *, noise: float = NOISE, seed: int = 0, labels: NDArray[np.int16] | None = None
) -> ExaminationRows:
    """Return the rows of a simulated spine under noise, its own labels or others handed in."""
    rng = np.random.default_rng(seed)
    water, fat = (image + noise * rng.standard_normal(image.shape) for image in (spine.water, spine.fat))
    total = water + fat
    pdff = np.where(
        total > 3 * noise, 100 * fat / np.maximum(total, 1e-6), rng.uniform(-50, 150, total.shape)
    )
    maps = Maps(spine.affine, pdff, np.full(total.shape, 100.0), np.maximum(water, 0), np.maximum(fat, 0))
    return measure_examination(
        ExaminationData(
            Identity("sim", "one"),
            maps,
            spine.labels if labels is None else labels,
            origin=Origin(noise=ImageNoise(noise)),
            tissues=spine.tissues,
        ),
        SETTINGS,
    )


def raised(rows: ExaminationRows) -> dict[str, list[str]]:
    """Return the levels at which each of the flags was raised."""
    return {name: [str(f["level"]) for f in rows.flags if f["flag"] == name] for name in FLAGS}


def compare_simulated(spines: int) -> None:
    """Print how often each flag is raised where it should be, and elsewhere."""
    due = {
        "block": ("fused_bodies", "L2"),
        "bridge": ("bridging_osteophyte", "L2"),
        "node": ("endplate_defect", "L3"),
    }
    for kind in ("clean", *due):
        hits, others, discs = 0, 0, 0
        for seed in range(spines):
            rows = measure(simulate(seed, kind), seed=seed)
            discs += sum(row["status"] == "ok" for row in rows.discs)
            found = [(name, level) for name, levels in raised(rows).items() for level in levels]
            hits += due.get(kind) in found
            others += len([each for each in found if each != due.get(kind)])
        wanted = f", raised where due {hits} of {spines}" if kind in due else ""
        print(f"{kind}: {spines} spines, {discs} discs{wanted}; raised elsewhere {others}", flush=True)


def stand_in_pdff(case: Case, tissues: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a PDFF in percent and a fat signal (x, y, z) that follow from a water image."""
    water = case.images.water.astype(np.float64)
    disc = ndimage.binary_erosion(tissues == DISC, np.ones((1, 3, 1))).astype(np.float64)
    width = NEAR_MM / np.linalg.norm(case.images.affine[:3, :3], axis=0)
    near, weight = (ndimage.gaussian_filter(image, width, truncate=6) for image in (water * disc, disc))
    whole = near / np.maximum(weight, 1e-12)
    return 100 * np.clip(1 - water / np.maximum(whole, 1e-6), -0.5, 1), np.maximum(whole - water, 0)


def real_rows(spines: int | None) -> Iterator[tuple[str, str, ExaminationRows]]:
    """Yield name, whose labels, and rows of the real healthy spines, so many of each folder."""
    for folder in (REAL, REAL.parent / "spine_other"):
        for case in real_cases(folder, spines):
            if case.name.startswith("vb1"):
                continue
            tissues = label_tissues(case.images)
            tissues[tissues > DISC] = 0
            pdff, fat = stand_in_pdff(case, tissues)
            water = case.images.water.astype(np.float64)
            maps = Maps(case.images.affine, pdff, np.full(water.shape, 100.0), water, fat)
            ours = segmented(case, "given")
            sources = {"hand": (case.truth, {})}
            if ours is not None:
                notes = {b.name: LabelNote(b.complete, b.confidence, b.flags) for b in ours.bodies}
                sources["ours"] = (ours.labels, notes)
            for whose, (labels, notes) in sources.items():
                exam = ExaminationData(Identity(case.name, "one"), maps, labels, notes=notes, tissues=tissues)
                yield case.name, whose, measure_examination(exam, SETTINGS)


def compare_real(spines: int | None) -> None:
    """Print disc heights by both labels, the ratios to the canal, and every flag on healthy spines."""
    heights: dict[tuple[str, str], dict[str, list[float]]] = {}
    ratios: dict[str, list[float]] = {}
    counts: dict[str, list[int]] = {}
    for name, whose, rows in real_rows(spines):
        plates = sum("endplate_defect_sup_mm" in row for row in rows.vertebrae) * 2
        measured = [row for row in rows.discs if row["status"] == "ok"]
        count = counts.setdefault(f"{'vb2' if name.startswith('vb2') else 'lumbar water'}, {whose}", [0] * 6)
        found = raised(rows)
        for place, value in enumerate((1, len(measured), plates, *(len(found[flag]) for flag in FLAGS))):
            count[place] += value
        for flag, levels in found.items():
            for level in levels:
                words = next(f["evidence"] for f in rows.flags if (f["flag"], f["level"]) == (flag, level))
                print(f"  {name} {whose} {level}: {words}")
        for row in measured:
            own = [
                float(row[c] or 0) for c in ("height_ant_mm", "height_mid_mm", "height_post_mm", "angle_deg")
            ]
            heights.setdefault((name, str(row["level"])), {})[whose] = own
        if whose == "ours" and not name.startswith("vb2"):
            for table, kind in ((rows.discs, "disc"), (rows.vertebrae, "body")):
                ratios.setdefault(kind, []).extend(_numbers(table, "water_to_canal_ratio"))
    print("| spines, labels | spines | discs | endplates | fused | bridge | defect |")
    for name, count in counts.items():
        print(f"| {name} | {' | '.join(map(str, count))} |")
    both = np.array([[pair["ours"], pair["hand"]] for pair in heights.values() if len(pair) == 2])
    if not len(both):
        print("there are no real spines")
        return
    off = both[:, 0] - both[:, 1]
    print(f"{len(both)} discs, ours minus by hand, ant/mid/post mm, angle deg: bias {off.mean(0).round(2)}")
    of_mean = off[:, :3].mean(axis=1).std(ddof=1)
    print(f"  standard deviation {off.std(0, ddof=1).round(2)}; of the mean height {of_mean:.2f}")
    for kind, values in ratios.items():
        print(f"water of {kind} over canal: {np.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")


def _numbers(rows: list[dict[str, Cell]], column: str) -> list[float]:
    return [float(value) for row in rows if (value := row.get(column)) is not None]


COLUMNS = {
    "discs": ("height_mean_mm", "angle_deg", "height_to_depth_ratio", "water_to_canal_ratio", "marrow_frac"),
    "vertebrae": ("endplate_defect_sup_mm", "water_to_canal_ratio", "inphase_to_canal_ratio"),
}


def sensitivity(spines: int) -> None:
    """Print by how much each column changes under new noise, and with outlines a pixel smaller or shifted."""
    plane = np.zeros((3, 3, 3), bool)
    plane[1] = ndimage.generate_binary_structure(2, 1)
    changes: dict[str, dict[tuple[str, str], list[float]]] = {}
    for seed in range(spines):
        spine = simulate(seed, "clean")
        smaller = spine.labels * ndimage.binary_erosion(spine.labels > 0, plane)
        first = measure(spine)
        for name, other in (
            ("new noise", measure(spine, seed=1)),
            ("noise twice", measure(spine, noise=2 * NOISE)),
            ("outline a pixel smaller", measure(spine, labels=smaller.astype(np.int16))),
            ("outline a pixel forward", measure(spine, labels=np.roll(spine.labels, 1, axis=1))),
        ):
            for table, columns in COLUMNS.items():
                for before, after in zip(first.tables[table], other.tables[table], strict=True):
                    for column in columns:
                        if before.get(column) is not None and after.get(column) is not None:
                            change = float(after[column] or 0) - float(before[column] or 0)
                            changes.setdefault(name, {}).setdefault((table, column), []).append(change)
    keys = [(table, column) for table, columns in COLUMNS.items() for column in columns]
    print("| change (mean, standard deviation) | " + " | ".join(f"{c} ({t})" for t, c in keys) + " |")
    for name, by_column in changes.items():
        cells = [f"{np.mean(by_column[key]):+.3f}, {np.std(by_column[key]):.3f}" for key in keys]
        print(f"| {name} | " + " | ".join(cells) + " |")


def picture() -> None:
    """Draw a clean disc, a block, a bridge and a node on simulated PDFF."""
    figure, axes = pyplot.subplots(1, 4, figsize=(10, 4.6))
    names = {
        "clean": "discs",
        "block": "block L2-L3",
        "bridge": "bridge in front of L2-L3",
        "node": "pit of L3",
    }
    for axis, (kind, title) in zip(axes, names.items(), strict=True):
        spine = simulate(2, kind)
        total = spine.water + spine.fat
        pdff = np.where(total > 0.2, 100 * spine.fat / np.maximum(total, 1e-6), np.nan)
        middle = GRID[0] // 2
        axis.imshow(pdff[middle].T, origin="lower", cmap="gray", vmin=0, vmax=90)
        axis.contour(spine.labels[middle].T > 0, [0.5], colors="orange", linewidths=0.8)
        axis.set(title=title, xlim=(20, 90), ylim=(30, 150), xticks=[], yticks=[])
    figure.tight_layout()
    figure.savefig(ROOT / "docs" / "images" / "discs.png", dpi=70)


def main() -> None:
    """Run one of the parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("simulated", "real", "sensitivity", "picture"))
    parser.add_argument("--spines", type=int, default=6, help="how many; of each folder of real ones")
    options = parser.parse_args()
    {
        "simulated": lambda: compare_simulated(options.spines),
        "real": lambda: compare_real(options.spines),
        "sensitivity": lambda: sensitivity(options.spines),
        "picture": picture,
    }[options.what]()


if __name__ == "__main__":
    main()
