"""Background marrow by hand."""

import numpy as np
import pytest

from qmri.config import MeasureSettings
from qmri.measure.marrow.background import background_columns, steps_to_nearest, target_columns

SETTINGS = MeasureSettings()


def rows(**pdff):
    return {
        level: {
            "pdff_median_pct": value,
            "r2star_median_per_s": 100 + value,
            "pdff_sd_pct": 4.0,
            "pdff_se_sampling_pct": 0.5,
        }
        for level, value in pdff.items()
    }


def test_a_spine_on_the_usual_slope_is_flat_at_l2_whatever_levels_are_missing():
    spine = {"T11": 36.4, "T12": 37.6, "L1": 38.8, "L2": 40.0, "L3": 41.2, "L4": 42.4, "L5": 43.6}
    for missing in ([], ["L2"], ["L1", "L2"], ["T11", "T12", "L1"]):
        kept = [level for level in spine if level not in missing]
        columns = background_columns(rows(**spine), kept, (), SETTINGS)
        assert columns["pdff_bg_level_adj_pct"] == pytest.approx(40.0)
    assert background_columns(rows(**spine), ["L3", "L4"], (), SETTINGS)["pdff_bg_mean_pct"] == pytest.approx(
        41.8
    )


def test_levels_far_from_l2_do_not_enter_the_adjusted_mean():
    columns = background_columns(rows(T5=10.0, L2=40.0), ["T5", "L2"], (), SETTINGS)
    assert columns["pdff_bg_level_adj_pct"] == pytest.approx(40.0)
    assert columns["pdff_bg_mean_pct"] == pytest.approx(25.0)


def test_neighbours_of_the_treated_level_are_told_apart():
    spine = rows(T11=30.0, T12=40.0, L2=44.0, L3=50.0)
    columns = background_columns(spine, list(spine), ("L1",), SETTINGS)
    assert columns["pdff_adjacent_mean_pct"] == pytest.approx(42.0)
    assert columns["pdff_nonadjacent_mean_pct"] == pytest.approx(40.0)
    assert "pdff_adjacent_mean_pct" not in background_columns(spine, list(spine), (), SETTINGS)


def test_the_literature_mean_takes_l1_to_l4_alone():
    spine = rows(T12=10.0, L1=40.0, L2=42.0, L4=44.0, L5=90.0)
    assert background_columns(spine, list(spine), (), SETTINGS)["pdff_l1l4_nonfx_mean_pct"] == pytest.approx(
        42.0
    )


def test_spread_within_and_between():
    spine = rows(L1=38.0, L2=40.0, L3=42.0)
    columns = background_columns(spine, list(spine), (), SETTINGS)
    assert columns["pdff_bg_within_sd_pct"] == pytest.approx(4.0)
    assert columns["pdff_bg_sd_pct"] == pytest.approx(2.0)
    assert columns["pdff_bg_between_sd_pct"] == pytest.approx(np.sqrt(4.0 - 0.25))


def test_no_background_has_a_count_and_no_numbers():
    assert background_columns({}, [], (), SETTINGS) == {"n_bg_levels": 0}


def test_the_target_ratio():
    columns = target_columns(rows(L1=20.0), ("L1", "L5"), 50.0)
    assert (columns["pdff_target_median_pct"], columns["pdff_target_ratio"]) == (20.0, pytest.approx(0.4))
    assert target_columns({}, ("L1",), 50.0) == {}


@pytest.mark.parametrize(
    ("level", "targets", "steps"),
    [
        ("L2", ("L1",), 1),
        ("T12", ("L1",), -1),
        ("L1", ("T12", "L2"), 1),
        ("L5", ("T12",), 5),
        ("L1", (), None),
    ],
)
def test_steps(level, targets, steps):
    assert steps_to_nearest(level, targets) == steps
