"""Markers against the truth of simulated spines, true labels handed in: figures of docs/markers.md.

    python benchmarks/markers.py truth --patients 8     PDFF, R2*, heights, wedge angle, grades
    python benchmarks/markers.py noise --repeats 24     spread over repeated noise against the stated noise

The echoes are simulated and fitted; noise is correlated as by an interpolated reconstruction.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np

from qmri.config import MeasureSettings
from qmri.fit.water_fat import fit_water_fat
from qmri.images.acquisition import Acquisition
from qmri.measure.data import ExaminationData, Identity
from qmri.measure.examination import measure_examination
from qmri.measure.images import Fractures, ImageNoise, Maps, Origin
from qmri.signal import WaterFatModel
from qmri.simulate.anatomy.midplane import midplane
from qmri.simulate.imaging.receive import complex_noise, received_echoes
from qmri.simulate.study.simulated_examination import FAT_MODEL, Simulated, simulate_examination
from qmri.simulate.study.study_plan import StudyOptions, plan_study
from qmri.simulate.study.truth import fully_in_view, true_vertebrae

MAPS = ("pdff", "r2star", "water", "fat", "field", "pdff_sd", "r2star_sd", "rchi2", "swap_risk")


def fitted(simulated: Simulated, rng: np.random.Generator) -> tuple[Maps, Origin]:
    """Fit the echoes of a simulated examination under new noise."""
    plan, grid = simulated.plan, simulated.grid
    protocol = plan.protocol
    model = WaterFatModel.at(FAT_MODEL, protocol.echo_times_s, protocol.imaging_frequency_mhz)
    gain = np.ones(grid.shape, complex)
    noise = complex_noise((*grid.shape, len(model.echo_times)), protocol.acquired_matrix, rng)
    signal = (simulated.truth.water + simulated.truth.fat)[simulated.rendering.labels > 0]
    noise *= np.median(signal) / plan.snr
    echoes = received_echoes(simulated.truth, model, gain, noise)
    result = fit_water_fat(
        echoes, protocol.echo_times_s, protocol.imaging_frequency_mhz, voxel_size=grid.voxel_size_mm
    )
    maps = Maps(affine=grid.affine, **{name: np.asarray(getattr(result, name), float) for name in MAPS})
    acquisition = Acquisition(acquired_matrix=protocol.acquired_matrix)
    return maps, Origin("fit", FAT_MODEL, acquisition, ImageNoise(result.decisions.noise_sd))


def measured(simulated: Simulated, rng: np.random.Generator) -> dict[str, dict[str, object]]:
    """Fit and measure an examination with its true labels; rows by level."""
    maps, origin = fitted(simulated, rng)
    fractured = tuple(body.level for body in simulated.spine.bodies if body.fracture)
    data = ExaminationData(
        Identity("01", "pre"),
        maps,
        simulated.rendering.labels.astype(np.int32),
        origin=origin,
        fractures=Fractures(acute=fractured),
    )
    rows = measure_examination(data, MeasureSettings()).vertebrae
    return {str(row["level"]): row for row in rows if row["status"] == "ok"}


def compare_with_truth(patients: int) -> None:
    """Print errors of PDFF, R2*, heights, wedge angle and grades.

    "nominal" is the posterior height at 85 % of a depth in which the hollow of the wall does not count.
    """
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    grades = {"fractured by a quarter, graded": [0, 0], "unfractured, graded": [0, 0]}
    for plan in plan_study(StudyOptions(patients=patients, seed=11, forms=("sources",))):
        simulated = simulate_examination(plan)
        spine, grid = simulated.spine, simulated.grid
        rows = measured(simulated, plan.rng("noise"))
        truth = true_vertebrae(
            ("01", "pre"), spine, grid, simulated.rendering.labels, simulated.truth, status={}
        )
        for true in truth:
            row, body = rows.get(true.level), spine.body(true.level)
            if row is None or not fully_in_view(body, grid):
                continue
            kind = "fractured" if body.fracture else "unfractured"
            for name in (
                "pdff_median_pct",
                "r2star_median_per_s",
                "height_ant_mm",
                "height_mid_mm",
                "height_post_mm",
            ):
                errors[kind, name].append(float(row[name]) - getattr(true, name))
            errors[kind, "height_post_mm, nominal"].append(float(row["height_post_mm"]) - body.posterior_mm)
            angle = float(row["wedge_angle_deg"]) - midplane(body).wedge_angle_deg
            errors[kind, "wedge_angle_deg"].append(angle)
            if body.fracture is None or body.fracture.loss >= 0.25:
                counts = grades[
                    "unfractured, graded" if body.fracture is None else "fractured by a quarter, graded"
                ]
                counts[0] += row["genant_grade"] >= 1
                counts[1] += 1
    say(f"{'':12} {'quantity':24} {'n':>4} {'bias':>7} {'MAE':>6} {'worst':>6}")
    for (kind, name), values in sorted(errors.items()):
        size = np.abs(values)
        figures = f"{np.mean(values):+7.2f} {size.mean():6.2f} {size.max():6.2f}"
        say(f"{kind:12} {name:24} {len(values):4d} {figures}")
    for name, (graded, count) in grades.items():
        say(f"{name}: {graded} of {count}")


def compare_with_noise(repeats: int) -> None:
    """Print the spread of the medians over repeated noise, and the stated noise."""
    plan = next(iter(plan_study(StudyOptions(patients=1, seed=5, forms=("sources",)))))
    simulated = simulate_examination(plan)
    rng = np.random.default_rng(0)
    runs = [measured(simulated, rng) for _ in range(repeats)]
    matrices = f"acquired {plan.protocol.acquired_matrix}, reconstructed {simulated.grid.shape[:2]}"
    say(f"{repeats} repeats, {len(runs[0])} vertebrae; matrix {matrices}")
    for median, error in (
        ("pdff_median_pct", "pdff_se_noise_pct"),
        ("r2star_median_per_s", "r2star_se_noise_per_s"),
    ):
        ratios = [
            np.std([run[level][median] for run in runs], ddof=1)
            / np.mean([run[level][error] for run in runs])
            for level in runs[0]
        ]
        figures = f"{np.mean(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        say(f"{median}: spread over stated noise {figures}")


def say(line: str) -> None:
    """Print a line."""
    print(line, flush=True)


def main() -> None:
    """Run one of the two comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("truth", "noise"))
    parser.add_argument("--patients", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=24)
    options = parser.parse_args()
    compare_with_truth(options.patients) if options.what == "truth" else compare_with_noise(options.repeats)


if __name__ == "__main__":
    main()
