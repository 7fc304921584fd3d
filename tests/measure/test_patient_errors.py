"""The errors of a patient's markers: by hand, and by simulation of scans."""

import math

import numpy as np
import pytest

from qmri.config import MeasureSettings
from qmri.measure.marrow.background import background_columns
from qmri.measure.quality.patient_errors import angle_error_deg, error_columns, error_of_mean

LEVELS = ("T11", "T12", "L1", "L2", "L3", "L4", "L5")


def test_repeatability_does_not_average_out_and_the_rest_does():
    assert error_of_mean([math.hypot(1.5, 2.0)] * 4, [1.5] * 4) == pytest.approx(math.hypot(1.5, 1.0))
    assert error_of_mean([1.5] * 9, [1.5] * 9) == pytest.approx(1.5)
    assert error_of_mean([], [1.5]) == 1.5


def test_it_is_the_scatter_of_the_mean_over_scans():
    rng = np.random.default_rng(0)
    scans = 1.5 * rng.normal(size=(50_000, 1)) + rng.normal(size=(50_000, 5)) * [1.0, 2.0, 1.0, 0.5, 1.5]
    totals = np.hypot(1.5, [1.0, 2.0, 1.0, 0.5, 1.5])
    assert scans.mean(axis=1).std() == pytest.approx(error_of_mean(list(totals), [1.5] * 5), rel=0.02)


def test_an_angle_has_the_error_of_two_endplates():
    """Each end of an endplate scatters by 0.6 / sqrt 2 mm; 0.7 of 30 mm apart; two endplates."""
    rng = np.random.default_rng(1)
    ends = rng.normal(0, 0.6 / math.sqrt(2), (100_000, 4))
    tilts = np.degrees((ends[:, 0] - ends[:, 1] - ends[:, 2] + ends[:, 3]) / (0.7 * 30))
    assert tilts.std() == pytest.approx(angle_error_deg(0.6, 30.0), rel=0.02)


def test_every_marker_of_the_background_has_its_error():
    row = {"pdff_median_pct": 50.0, "pdff_sd_pct": 8.0, "pdff_se_total_pct": 2.5}
    row |= {"r2star_median_per_s": 100.0, "r2star_se_total_per_s": math.hypot(5.0, 4.0)}
    rows = dict.fromkeys(LEVELS, row)
    settings = MeasureSettings()
    columns = background_columns(rows, LEVELS, ("T10",), settings)
    errors = error_columns(columns, rows, background=LEVELS, treated=("T10",), shapes={}, settings=settings)
    assert errors["pdff_bg_level_adj_se_pct"] == pytest.approx(math.hypot(1.5, 2.0 / math.sqrt(7)))
    assert errors["pdff_adjacent_mean_se_pct"] == pytest.approx(2.5)
    assert errors["r2star_bg_level_adj_se_per_s"] == pytest.approx(math.hypot(5.0, 4.0 / math.sqrt(7)))
