"""The muscles of a patient of the reference study against the anatomy that it was drawn from."""

import numpy as np
import pytest
from scipy import ndimage

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData, Identity
from qmri.measure.examination import measure_examination
from qmri.measure.images import Maps
from qmri.simulate.anatomy import render
from qmri.simulate.anatomy.tissues import Tissue
from qmri.simulate.imaging.tissue_signal import TISSUE_SIGNALS
from qmri.simulate.study.simulated_examination import simulate_examination
from qmri.simulate.study.study_plan import StudyOptions, plan_study
from qmri.spine.tissue_labels import LEFT, MUSCLE_ID, RIGHT

pytestmark = pytest.mark.slow

FINE_MM, REACH_MM = 1.5, 6.0
SHOWN = ("multifidus", "erector_spinae", "psoas")


@pytest.fixture(scope="module")
def simulated():
    options = StudyOptions(patients=1, seed=23, forms=("sources",), slices=34)
    return simulate_examination(next(iter(plan_study(options))))


@pytest.fixture(scope="module")
def rows(simulated):
    truth, rendering = simulated.truth, simulated.rendering
    noise = np.random.default_rng(0).normal(0, 3.0, truth.pdff.shape)
    maps = Maps(
        affine=simulated.grid.affine,
        pdff=truth.pdff + noise,
        r2star=truth.r2star,
        pdff_sd=np.full(truth.pdff.shape, 3.0),
    )
    data = ExaminationData(
        Identity("01", "pre"), maps, rendering.labels.astype(int), tissues=rendering.tissues
    )
    found = measure_examination(data, MeasureSettings(bootstrap_samples=50)).muscles
    return {(row["level"], row["muscle"], row["side"]): row for row in found}


def anatomy(simulated, level):
    """Section and mean PDFF of each muscle and side within 15 mm of mid-body, from a rendering at 1.5 mm."""
    body = simulated.spine.body(level)
    affine = np.diag([FINE_MM, FINE_MM, FINE_MM, 1.0])
    affine[:3, 3] = body.centre_mm - [100.0, 110.0, 45.0]
    drawn = render(simulated.spine, affine, (134, 114, 60))
    water_fat = [
        (drawn.fractions[tissue] * TISSUE_SIGNALS[tissue].signal, TISSUE_SIGNALS[tissue].pdff_pct)
        for tissue in (Tissue.MUSCLE, Tissue.VISCERAL_FAT)
    ]
    total = sum(amount for amount, _ in water_fat)
    pdff = sum(amount * share for amount, share in water_fat) / np.maximum(total, 1e-6)
    for (muscle, side), label in MUSCLE_ID.items():
        mask = drawn.tissues == label
        points = np.argwhere(mask) * FINE_MM + affine[:3, 3]
        distance = np.abs((points - body.centre_mm) @ body.axes[2])
        area = np.clip(1 - distance / REACH_MM, 0, None).sum() / REACH_MM * FINE_MM**3
        inner = ndimage.binary_erosion(mask)[mask] & (distance < 15.0)
        if inner.any():
            yield muscle, side, area, pdff[mask][inner].mean()


@pytest.mark.parametrize("level", ["L3", "L4"])
def test_fat_and_section_of_a_simulated_patient_are_those_of_the_anatomy(simulated, rows, level):
    errors = []
    for muscle, side, area, fat in anatomy(simulated, level):
        row = rows[level, muscle, side]
        if muscle not in SHOWN or row["coverage_frac"] < 1:
            continue
        errors.append(row["pdff_mean_pct"] - fat)
        assert row["area_mm2"] == pytest.approx(area, rel=0.1)
        assert abs(errors[-1]) < 2.5 * row["pdff_se_total_pct"]
    assert len(errors) >= 4
    assert abs(np.mean(errors)) < 1.0


def test_both_sides_are_the_sides_together(rows):
    for (level, muscle, side), row in rows.items():
        if side == "both" and "area_mm2" in row:
            halves = [rows[level, muscle, half] for half in (RIGHT, LEFT)]
            if all("area_mm2" in half for half in halves):
                assert row["area_mm2"] == pytest.approx(sum(half["area_mm2"] for half in halves))
                low, high = sorted(half["pdff_mean_pct"] for half in halves)
                assert low <= row["pdff_mean_pct"] <= high
