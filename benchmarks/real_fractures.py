"""Real healthy spines, and the same with a collapsed body, against what `qmri.measure.fracture` finds.

The images are water alone. PDFF is made of them with a constant sum of water and fat S,

    PDFF = 1 - W / S,    S such that the median over the bodies is 45 %,

so that the marrow has the heterogeneity, the veins, the shading and the spread between levels of the real
images, which is more than PDFF has: what coil and thickness do to W counts as fat. Two versions are
taken, W as it is and W over its smooth trend along the spine. R2* is 120 1/s, in what is as bright as
fluid 20; water and fat are W and S - W, but in what is dark inside a label W both. Labels are those drawn
by hand. Voids are looked for in the images as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from collapse import Collapse, collapsed
from nibabel.affines import apply_affine
from spines import REAL, SLICES_AVERAGED, Case, coarse, coarse_affine, real_cases, real_spines

from qmri.measure.data import ExaminationData, Identity
from qmri.measure.fracture.findings import Findings
from qmri.measure.images import Fractures, Maps
from qmri.measure.marrow.distribution import Row
from qmri.segment.detect.detector import SpineImages
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME

MEDIAN_PCT = 45.0
DARK = 0.25
"""What is darker on water than this share of the marrow, in a label, has as little fat as water."""
BROKEN = {
    "wedge 30, oedema": Collapse(wedge=0.3, oedema=1.4),
    "crush 35, oedema in front": Collapse(crush=0.35, oedema=1.4, front_only=True),
    "wedge 30, no oedema": Collapse(wedge=0.3),
    "wedge 35, cement": Collapse(wedge=0.35, cement=True),
}
"""Oedema with 1.4 times the water lowers 45 % PDFF to 23 %."""
Look = Callable[[ExaminationData], tuple[Findings, Mapping[str, Row]]]


def examination(case: Case, *, flat: bool) -> ExaminationData:
    """Return an examination made of a water image and its labels.

    Where ``flat``, the bodies' brightness is divided by its parabola along the spine first.
    """
    water = case.images.water.astype(np.float64)
    affine = case.images.affine
    marrow = case.truth > 0
    if flat:
        height = apply_affine(affine, np.moveaxis(np.indices(water.shape), 0, -1))[..., 2] / 100
        levels = [number for number in np.unique(case.truth) if number]
        places = [
            (float(height[case.truth == n].mean()), float(np.median(water[case.truth == n]))) for n in levels
        ]
        where, bright = np.array(places).T
        water = water / np.polynomial.Polynomial.fit(where, bright, min(2, len(levels) - 1))(height)
    total = float(np.median(water[marrow])) / (1 - MEDIAN_PCT / 100)
    pdff = np.clip(100 * (1 - water / total), -20, 100)
    r2star = np.where(pdff < 5, 20.0, 120.0)
    dark = marrow & (water < DARK * (1 - MEDIAN_PCT / 100) * total)
    fat = np.where(dark, water, np.maximum(total - water, 0))
    maps = Maps(affine, pdff, r2star, water=water, fat=fat)
    labels = np.where(np.isin(case.truth, list(LEVEL_NAME)), case.truth, 0).astype(np.int32)
    return ExaminationData(Identity(case.name, "pre"), maps, labels, fractures=Fractures())


def print_real(look: Look) -> None:
    """Print what is found in healthy spines, where nothing is to be found."""
    for flat in (False, True):
        counts: dict[str, int] = {}
        bulges: list[float] = []
        bodies = 0
        for case in real_cases():
            exam = examination(case, flat=flat)
            findings, rows = look(exam)
            for level, cells in findings.columns.items():
                if LEVEL_ID[level] not in case.kind:
                    continue
                bodies += 1
                for name, raised in raised_of(findings, level, rows[level]).items():
                    counts[name] = counts.get(name, 0) + raised
                if isinstance(bulge := cells.get("posterior_bulge_mm"), float):
                    bulges.append(bulge)
        words = ", ".join(f"{name} {count}" for name, count in counts.items())
        print(f"{'over its trend' if flat else 'as it is'}: of {bodies} bodies {words}")
        low, middle, high = np.percentile(np.array(bulges), [2.5, 50, 97.5])
        print(f"posterior bulge {middle:+.1f} mm ({low:+.1f} to {high:+.1f}), largest {max(bulges):+.1f}")


def print_collapsed(look: Look, spines: int) -> None:
    """Print what is found where one body of a real spine collapses, and in the bodies beside it."""
    for kind, collapse in BROKEN.items():
        told: list[str] = []
        beside = bodies = 0
        for turn, (name, image, labels) in enumerate(real_spines(REAL, spines)):
            whole = set(np.unique(labels.data)) - set(np.unique(labels.data[:, :, [0, -1]]))
            numbers = [
                LEVEL_ID[level] for level in ("L1", "L2", "L3", "L4", "L5") if LEVEL_ID[level] in whole
            ]
            broken = LEVEL_NAME[numbers[turn % len(numbers)]]
            affine = coarse_affine(image.affine)
            index = np.moveaxis(np.indices(coarse(image.data).shape), 0, -1)
            water, truth, _ = collapsed(
                image.data,
                np.where(np.isin(labels.data, numbers), labels.data, 0).astype(np.int16),
                image.affine,
                {broken: collapse},
                places_mm=apply_affine(affine, index),
                across_mm=np.arange(SLICES_AVERAGED) - (SLICES_AVERAGED - 1) / 2,
            )
            case = Case(name, SpineImages(water, affine), truth, {})
            findings, _ = look(examination(case, flat=True))
            for level, cells in findings.columns.items():
                if level != broken:
                    bodies += 1
                    beside += cells.get("fracture_age_suggestion") != "none"
                    continue
                void = findings.numbers(level).get("void_cm3", 0.0)
                share = findings.numbers(level).get("oedema_frac", 0.0)
                told.append(f"{cells.get('fracture_age_suggestion')} ({share:.2f}, void {void:.1f})")
        print(f"{kind}: {'; '.join(told)}; beside them {beside} of {bodies} called", flush=True)


def raised_of(findings: Findings, level: str, row: Row) -> dict[str, int]:
    """Return what is raised of a healthy body, 0 or 1 by name."""
    cells = findings.columns[level]
    oedema = findings.oedema.get(level)
    numbers = findings.numbers(level)
    return {
        "oedematous": int(oedema is not None and oedema.present),
        "suggested acute": int(cells.get("fracture_age_suggestion") == "acute"),
        "with a cleft": int(cells["cleft_kind"] != "none"),
        "with a void": int(numbers.get("void_cm3", 0.0) > 0),
        "with a leak": int(max(numbers.get("leak_above_mm3", 0.0), numbers.get("leak_below_mm3", 0.0)) > 0),
        "lean throughout": int(numbers.get("pdff_lean_frac", 0.0) > 0.5),
        "wall bulging by 2 mm": int(numbers.get("posterior_bulge_mm", 0.0) > 2.0),
        "graded": int(row.get("genant_grade", 0) > 0),
    }
