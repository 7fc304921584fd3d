"""Acute or old by the maps: coefficients, and how they do on simulated and real spines.

    python benchmarks/fracture_age.py fit --patients 200     coefficients of `qmri.measure.fracture.age`
    python benchmarks/fracture_age.py test --patients 150    others: AUC, calibration
    python benchmarks/fracture_age.py shift --patients 12    noise and a label that is a voxel off
    python benchmarks/fracture_age.py others --patients 20   clefts, cement, leaks, replaced marrow
    python benchmarks/fracture_age.py real                   healthy real spines, where they are present
    python benchmarks/fracture_age.py collapsed --patients 5 real spines in which a body collapses

Each patient has an acute fracture with oedema of 20 to 100 % of the body, an old one of five kinds, a
body with islands of red marrow, and four sound ones; every other study sheet names the fractures.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from fracture_lesions import ACUTE, OLD, Setting
from fracture_phantoms import FIT, FRESH, LEVELS, Patient, patient
from numpy.typing import NDArray
from real_fractures import print_collapsed, print_real

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData
from qmri.measure.fracture.age import COEFFICIENTS, features
from qmri.measure.fracture.findings import Findings, fracture_findings
from qmri.measure.marrow.distribution import Row
from qmri.measure.preparation import prepare
from qmri.measure.quality.flags import FRACTURED
from qmri.measure.quality.quality_figures import quality_columns
from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.deformity import height_losses
from qmri.measure.vertebra import shape_columns
from qmri.risk.performance.calibration import measures
from qmri.risk.performance.discrimination import auc_interval
from qmri.risk.regression.ridge import fit_ridge

SETTINGS = MeasureSettings()
FRESH_FROM = 20_000
BINS = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)
HEIGHTS = ("height_ant_mm", "height_mid_mm", "height_post_mm")


@dataclass(frozen=True)
class Found:
    """One body: what it is and what was found of it."""

    kind: str
    true_share: float
    features: tuple[float, ...] | None
    share: float
    expected_pct: float
    suggestion: str
    oedematous: bool
    cleft: bool

    @property
    def fractured(self) -> bool:
        """Whether it is an acute fracture with a fifth of oedema or more, or an old one."""
        return self.kind.startswith("old") or (self.kind == ACUTE and self.true_share >= 0.2)


def findings_of(exam: ExaminationData) -> tuple[Findings, dict[str, Row]]:
    """Return what is found in an examination, and the columns it rests on, by level."""
    bodies = find_bodies(exam.labels, exam.maps.affine)
    vertebrae = {v.body.level: v for v in prepare(bodies, exam.maps, SETTINGS)}
    rows: dict[str, Row] = {}
    for level, vertebra in vertebrae.items():
        rows[level] = shape_columns(vertebra) | quality_columns(vertebra, exam.maps, exam.origin)
        rows[level]["r2star_median_per_s"] = float(np.median(vertebra.values(exam.maps.r2star)))
    heights = {
        level: (row[HEIGHTS[0]], row[HEIGHTS[1]], row[HEIGHTS[2]])
        for level, row in rows.items()
        if all(name in row for name in HEIGHTS)
    }
    fractured = frozenset(level for level in heights if exam.fractures.status(level) in FRACTURED)
    losses = height_losses(heights, fractured, SETTINGS.repeatability_height_mm)
    for level, loss in losses.items():
        rows[level] |= {"height_loss_pct": loss.percent, "genant_grade": loss.grade}
    candidates = [
        level for level, row in rows.items() if row.get("genant_grade") == 0 and level not in fractured
    ]
    found = fracture_findings(vertebrae, rows, exam, candidates=candidates, doubts={}, settings=SETTINGS)
    return found, rows


def drawn(seeds: Iterable[int], setting: Setting) -> Iterator[Patient]:
    """Yield patients."""
    for seed in seeds:
        rng = np.random.default_rng(10_000 + seed)
        levels = [str(level) for level in rng.permutation(LEVELS[1:])[:3]]
        kinds = dict(zip(levels, (ACUTE, str(rng.choice(OLD)), "islands"), strict=True))
        yield patient(seed, kinds, setting, listed=bool(rng.random() < 0.5))


def bodies(patients: Iterable[Patient]) -> list[Found]:
    """Return what was found of all bodies."""
    rows = []
    for one in patients:
        findings, measured = findings_of(one.data)
        for level, cells in findings.columns.items():
            oedema, loss = findings.oedema.get(level), measured[level].get("height_loss_pct", 0.0)
            rows.append(
                Found(
                    one.kinds[level],
                    one.share(level),
                    None if oedema is None else features(oedema, loss),
                    0.0 if oedema is None else oedema.share,
                    np.nan if oedema is None else oedema.expectation.usual_pct,
                    str(cells.get("fracture_age_suggestion", "n/a")),
                    oedema is not None and oedema.present,
                    cells["cleft_kind"] != "none",
                )
            )
    return rows


def design(rows: Sequence[Found]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return features (n, 5) and whether acute (n,)."""
    return (
        np.array([row.features for row in rows], dtype=np.float64),
        np.array([row.kind == ACUTE for row in rows], dtype=np.float64),
    )


def fit(patients: int) -> None:
    """Print the coefficients: ridge, its penalty by the marginal likelihood."""
    rows = [row for row in bodies(drawn(range(patients), FIT)) if row.fractured and row.features]
    values, acute = design(rows)
    centre, scale = values.mean(axis=0), values.std(axis=0)
    found = fit_ridge((values - centre) / scale, acute).coefficients
    slopes = found[1:] / scale
    constant = found[0] - slopes @ centre
    print(f"{len(rows)} fractures, {int(acute.sum())} acute")
    print("coefficients " + ", ".join(f"{value:.1f}" for value in (constant, *slopes)))


def probabilities(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability (n,) of acute by features (n, 5)."""
    logit = COEFFICIENTS[0] + values @ np.array(COEFFICIENTS[1:])
    return np.asarray(1 / (1 + np.exp(-logit)))


def test(patients: int) -> None:
    """Print discrimination and calibration on fresh patients, and how many sound bodies are called."""
    rows = bodies(drawn(range(FRESH_FROM, FRESH_FROM + patients), FRESH))
    fractures = [row for row in rows if row.fractured and row.features]
    values, acute = design(fractures)
    p_acute = probabilities(values)
    area = auc_interval(p_acute, acute)
    print(f"{len(fractures)} fractures, {int(acute.sum())} acute")
    print(f"AUC {area.value:.3f} ({area.low:.3f}-{area.high:.3f})")
    agreement = measures(p_acute, acute)
    print(f"calibration slope {agreement.slope:.2f}, intercept {agreement.intercept:+.2f}")
    print("| probability | fractures | mean | acute |\n|---|---|---|---|")
    for low, high in pairwise(BINS):
        inside = (p_acute >= low) & ((p_acute < high) | (high == 1.0))
        if inside.any():
            mean, share = p_acute[inside].mean(), acute[inside].mean()
            print(f"| {low:.2f}-{high:.2f} | {inside.sum()} | {mean:.2f} | {share:.2f} |")
    usual = np.array([row.expected_pct for row in fractures])
    for low, high in ((0, 35), (35, 50), (50, 100)):
        inside = (usual >= low) & (usual < high)
        print(f"sound marrow of {low}-{high} %: AUC {auc_interval(p_acute[inside], acute[inside]).value:.3f}")
    for kind in (ACUTE, *OLD):
        said = [row.suggestion for row in fractures if row.kind == kind]
        words = ", ".join(f"{said.count(word)} {word}" for word in ("acute", "unclear", "old", "none"))
        print(f"{kind}: {len(said)}: {words}")
    sound = [row for row in rows if row.kind in ("sound", "islands")]
    called = sum(row.oedematous for row in sound)
    print(f"sound bodies oedematous: {called} of {len(sound)} ({100 * called / len(sound):.1f} %)")
    print(f"sound bodies suggested acute: {sum(row.suggestion == 'acute' for row in sound)}")
    print(f"clefts in bodies that have none: {sum(row.cleft for row in rows)} of {len(rows)}")
    errors = [row.share - row.true_share for row in fractures if row.kind == ACUTE and row.oedematous]
    print(f"share of oedema: bias {np.mean(errors):+.3f}, mean absolute error {np.abs(errors).mean():.3f}")


def shift(patients: int) -> None:
    """Print how far noise and a label that is a voxel off move the share of oedema and the probability."""
    exact = replace(FRESH, mask_mm=(0.0, 0.0, 0.0))
    plain = [findings_of(one.data)[0] for one in drawn(range(FRESH_FROM, FRESH_FROM + patients), exact)]
    for words, setting, step in (
        ("SNR 12", replace(exact, snr=(12.0, 12.0)), None),
        ("a voxel up", exact, (0, 0, 1)),
        ("a voxel to the front", exact, (0, 1, 0)),
    ):
        changes = []
        for one, before in zip(drawn(range(FRESH_FROM, FRESH_FROM + patients), setting), plain, strict=True):
            labels = one.data.labels if step is None else np.roll(one.data.labels, step, axis=(0, 1, 2))
            after, _ = findings_of(replace(one.data, labels=labels))
            changes += [
                after.oedema[level].share - before.oedema[level].share
                for level in before.oedema
                if level in after.oedema and one.kinds[level] == ACUTE
            ]
        size = np.abs(changes)
        moved = f"{np.mean(changes):+.3f}, absolute {size.mean():.3f}, worst {size.max():.2f}"
        print(f"{words}: share of oedema {moved}")


def others(patients: int) -> None:
    """Print how often clefts, cement, leaks and replaced marrow are found, and the error of the volume."""
    kinds = ("fluid", "gas", "cement", "cement leak", "tumour")
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in (*kinds, "sound")}
    for seed in range(FRESH_FROM, FRESH_FROM + patients):
        own = np.random.default_rng(seed).permutation(LEVELS)[:3]
        chosen = {str(level): kinds[(seed + turn) % len(kinds)] for turn, level in enumerate(own)}
        one = patient(seed, chosen, FRESH)
        findings, _ = findings_of(one.data)
        for level, cells in findings.columns.items():
            numbers = findings.numbers(level)
            leaked = numbers.get("leak_above_mm3", 0.0) + numbers.get("leak_below_mm3", 0.0)
            void = numbers.get("void_cm3", 0.0)
            figures = {
                "fluid cleft": float(cells["cleft_kind"] == "fluid"),
                "gas cleft": float(cells["cleft_kind"] == "gas"),
                "void": float(void > 0),
                "leak": float(leaked > 0),
                "lean throughout": float(numbers.get("pdff_lean_frac", 0.0) > 0.9),
            }
            if level in one.cement_cm3:
                figures |= {"error of the volume, cm3": void - one.cement_cm3[level]}
            if one.leak_mm3.get(level, 0.0) > 0:
                figures |= {"error of the leak, mm3": leaked - one.leak_mm3[level]}
            kind = one.kinds[level]
            found["sound" if kind == "islands" else kind].append(figures)
    for kind, rows in found.items():
        means = {name: np.mean([row[name] for row in rows]) for name in (rows[0] if rows else {})}
        print(f"{kind} ({len(rows)}): " + ", ".join(f"{name} {mean:.2f}" for name, mean in means.items()))


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("fit", "test", "shift", "others", "real", "collapsed"))
    parser.add_argument("--patients", type=int, default=150)
    options = parser.parse_args()
    if options.what == "real":
        print_real(findings_of)
    elif options.what == "collapsed":
        print_collapsed(findings_of, options.patients)
    else:
        {"fit": fit, "test": test, "shift": shift, "others": others}[options.what](options.patients)


if __name__ == "__main__":
    main()
